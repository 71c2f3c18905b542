//! What is here is used without a word to its registry: not even a connection is made.

use std::fs;

use wattle_testkit::{App, FakeRegistry};

use crate::WATTLE;
use crate::artifacts::{app_of, done};
use crate::artifacts_made::Made;

/// Starts the app with these arguments; it answers, and no connection was made for it.
#[track_caller]
fn silent(app: &App, registry: &FakeRegistry, arguments: &[&str]) {
    let before = registry.connections();
    let server = WATTLE.up(app).args(arguments.iter().copied()).start();
    assert!(server.get("/").text().starts_with("Hello"), "{arguments:?}");
    assert_eq!(server.stop().code, Some(0), "{arguments:?}");
    assert_eq!(registry.connections(), before, "{arguments:?}: {:?}", registry.requests());
}

#[test]
fn the_second_start_asks_nobody() {
    let made = Made::hello();
    let registry = made.registry(|_, _, _| None);
    let at = format!("{}/shop/hello", registry.authority());
    for reference in [format!("{at}:1"), format!("{at}@{}", made.digest()), format!("{at}:1@{}", made.digest())] {
        let app = app_of(&reference, "");
        let before = registry.connections();
        assert!(WATTLE.up(&app).start().get("/").text().starts_with("Hello"));
        assert!(registry.connections() > before, "what is counted counts");
        for arguments in [&[][..], &["--locked"], &["--offline"], &["--offline", "--locked"], &["--pull", "missing"]] {
            silent(&app, &registry, arguments);
        }
        // Neither does who only looks.
        let before = registry.connections();
        done(&app, &["check"]);
        done(&app, &["cache", "list"]);
        assert_eq!(registry.connections(), before);
    }
}

/// What a lock says does: somebody else has the artifact here, under another name, or under none.
#[test]
fn a_lock_is_enough() {
    let made = Made::hello();
    let registry = made.registry(|_, _, _| None);
    let reference = format!("{}/shop/hello:1", registry.authority());
    let app = app_of(&reference, "");
    done(&app, &["pull", &format!("{}/shop/hello@{}", registry.authority(), made.digest())]);
    let lock = format!("version = 1\n[[artifact]]\nreference = \"{reference}\"\ndigest = \"{}\"\n", made.digest());
    fs::write(app.join("wattle.lock"), &lock).unwrap();
    for arguments in [&[][..], &["--locked"], &["--offline"]] {
        silent(&app, &registry, arguments);
    }
    assert_eq!(fs::read_to_string(app.join("wattle.lock")).unwrap(), lock);
}

/// `always` asks where the tag points to, and nothing else; a digest needs no asking at all.
#[test]
fn what_is_asked_for_is_only_what_can_change() {
    let made = Made::hello();
    let registry = made.registry(|_, _, _| None);
    let at = format!("{}/shop/hello", registry.authority());
    let tagged = app_of(&format!("{at}:1"), "pull = \"always\"");
    WATTLE.up(&tagged).start().stop();
    let before = registry.requests().len();
    WATTLE.up(&tagged).start().stop();
    assert_eq!(registry.requests()[before..], ["HEAD /v2/shop/hello/manifests/1"]);
    let pinned = app_of(&format!("{at}@{}", made.digest()), "pull = \"always\"");
    WATTLE.up(&pinned).start().stop();
    silent(&pinned, &registry, &[]);
}
