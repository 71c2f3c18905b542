//! The store of artifacts under the program: on a full disk, and with several that pull at once.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wattle_spec::digest::Digest;
use wattle_testkit::{App, Ran, tools, until};

use crate::WATTLE;
use crate::artifacts::{app_of, done};
use crate::artifacts_made::{Made, names};

/// How many pull at once.
const AT_ONCE: usize = 3;

/// What is done on a small disk, which is mounted where nobody else sees it: a pull that does not fit, and one that
/// does, once there is room. What is on the disk in between is listed.
const ON_A_SMALL_DISK: &str = r#"
mkdir -p "$XDG_CACHE_HOME" && mount -t tmpfs -o size=1m,mode=700 tmpfs "$XDG_CACHE_HOME" || exit 99
"$0" pull "$1" -o cart.wasm; echo "exit: $?"
(cd "$XDG_CACHE_HOME/wattle/artifacts" && find . -type f -size +0 | sort)
ls cart.wasm 2>&1
"$0" cache verify; echo "exit: $?"
mount -o remount,size=16m "$XDG_CACHE_HOME" || exit 99
"$0" pull "$1" -o cart.wasm; echo "exit: $?"
"$0" cache verify; echo "exit: $?"
"#;

/// An app is started whose component is here, where nothing can be kept of compiling it.
const STARTED_ON_A_FULL_DISK: &str = r#"
mkdir -p "$XDG_CACHE_HOME" && mount -t tmpfs -o size=1m,mode=700 tmpfs "$XDG_CACHE_HOME" || exit 99
"$0" pull "$1" || exit 1
head -c 2000000 /dev/zero >"$XDG_CACHE_HOME/fill" 2>/dev/null
mkfifo said
"$0" up --listen 127.0.0.1:0 >said 2>log & up=$!
read -r address <said
"$2" --silent "$address/"; "$2" --silent "$address/"
kill "$up"; wait "$up"; echo "exit: $?"
sed -n 's/.* WARN .*\(compiled code is not kept\).*\(No space left on device\).*/\1: \2/p' log
"#;

/// Runs `script` with a disk of its own, in the directory of `app`; its `$1` is the reference, and its `$2` curl.
/// `None`: there is no curl, or nobody may have disks here.
fn on_a_small_disk(app: &App, script: &str, reference: &str) -> Option<Ran> {
    let curl = tools::curl(app)?;
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(WATTLE.path()).arg(reference).arg(curl.get_program());
    command.env_clear().env("PATH", env::var_os("PATH").unwrap()).env("XDG_CACHE_HOME", app.cache_dir());
    command.env("XDG_RUNTIME_DIR", app.runtime_dir()).current_dir(app.path()).stdin(Stdio::null());
    let ran = Ran::of(&mut command).cleaned(app);
    if ran.code == Some(99) || ran.stdout.is_empty() && ran.stderr.contains("unshare") {
        say(&format!("skipped, as no disk could be mounted: {ran}"));
        return None;
    }
    Some(ran)
}

#[test]
fn a_full_disk() {
    let made = Made::large(3 << 20);
    let registry = made.registry(|_, _, _| None);
    let app = App::empty();
    let reference = format!("{}/shop/cart:1", registry.authority());
    let Some(ran) = on_a_small_disk(&app, ON_A_SMALL_DISK, &reference) else { return };
    let named = ran.to_string().replace(&made.digest().to_string(), "sha256:MANIFEST");
    let named = named.replace(&made.digest().hex(), "MANIFEST").replace(&Digest::of(&made.wasm).hex(), "LAYER");
    insta::assert_snapshot!(named, @"
    exit: 0
    ----- stdout
    exit: 3
    ./blobs/sha256/MANIFEST
    ls: cannot access 'cart.wasm': No such file or directory
    exit: 0
    127.0.0.1:PORT/shop/cart:1@sha256:MANIFEST
    exit: 0
    exit: 0
    ----- stderr
    error: cannot use the store of artifacts
      caused by: there is no room for DIR/.cache/wattle/artifacts/partial/LAYER
      caused by: No space left on device (os error 28)
    hint: make room, for instance with: wattle cache prune
    1 blob is sound, 372 bytes
    2 blobs are sound, 3146115 bytes
    ");
    assert!(fs::read(app.join("cart.wasm")).unwrap() == made.wasm);
}

/// What was used lately stays, and it is told how much that is and what lets it go.
#[test]
fn pruned() {
    let made = Made::hello();
    let registry = made.registry(|_, _, _| None);
    let app = App::empty();
    done(&app, &["pull", &format!("{}/shop/hello:1", registry.authority())]);
    let pruned = |arguments: &[&str]| {
        let ran = Ran::of(WATTLE.command(&app).args(["cache", "prune"]).args(arguments));
        assert!(ran.is_ok(), "{ran}");
        ran.stderr
    };
    assert_eq!(pruned(&[]), "removed 0 references and 0 blobs, 0 bytes\n");
    let kept = pruned(&["--older-than", "0s"]);
    let all = kept.lines().nth(1).unwrap();
    assert!(kept.starts_with("removed 2 references and 0 blobs, "), "{kept}");
    assert!(all.starts_with("kept ") && all.ends_with(" bytes that could go, as they were used within 1h (--grace)"));
    let kept = pruned(&["--grace", "2h"]);
    assert!(kept.ends_with("used within 2h (--grace)\n"), "{kept}");
    let gone = pruned(&["--grace", "0"]);
    assert!(gone.starts_with("removed 0 references and 2 blobs, ") && !gone.contains("kept"), "{gone}");
}

#[test]
fn started_on_a_full_disk() {
    let made = Made::hello();
    let registry = made.registry(|_, _, _| None);
    let reference = format!("{}/shop/hello:1", registry.authority());
    let app = app_of(&reference, "");
    let Some(ran) = on_a_small_disk(&app, STARTED_ON_A_FULL_DISK, &reference) else { return };
    let named = ran.to_string().replace(&made.digest().to_string(), "MANIFEST");
    insta::assert_snapshot!(named, @"
    exit: 0
    ----- stdout
    127.0.0.1:PORT/shop/hello:1@MANIFEST
    Hello from Wattle
    Hello from Wattle
    exit: 0
    compiled code is not kept: No space left on device
    ");
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know what they did not show")]
fn say(what: &str) {
    eprintln!("{what}");
}

/// Each has what it asked for, and one of them has fetched it for all.
#[test]
fn several_pull_at_once() {
    let made = Made::large(300_000);
    let waiting = Arc::new(AtomicUsize::new(0));
    let counted = waiting.clone();
    let registry = made.registry(move |made, request, _| {
        if request.head.contains("/manifests/") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        if made.is_layer(request) {
            until("all of them pull", || (waiting.load(Ordering::Relaxed) == AT_ONCE).then_some(()));
        }
        None
    });
    let app = App::empty();
    let reference = format!("{}/shop/cart:1", registry.authority());
    let pull = |n: usize| {
        let mut pull = WATTLE.command(&app);
        pull.args(["pull", &reference, "-o", &format!("{n}.wasm")]).stdout(Stdio::null()).stderr(Stdio::inherit());
        pull.spawn().unwrap()
    };
    let pulling: Vec<_> = (0..AT_ONCE).map(pull).collect();
    for (n, mut child) in pulling.into_iter().enumerate() {
        let status = until("it ends", || child.try_wait().unwrap());
        assert!(status.success(), "{status}");
        assert!(fs::read(app.join(&format!("{n}.wasm"))).unwrap() == made.wasm);
    }
    let layer = format!("GET /v2/shop/cart/blobs/{}", Digest::of(&made.wasm));
    let fetched = registry.requests().iter().filter(|request| **request == layer).count();
    assert_eq!(fetched, 1, "those that came later wait for the first");
    done(&app, &["cache", "verify"]);
    is_clean(&app.cache_dir().join("wattle/artifacts"));
}

/// Nothing is left half done.
#[track_caller]
fn is_clean(store: &Path) {
    assert_eq!(names(&store.join("partial")), [""; 0]);
}
