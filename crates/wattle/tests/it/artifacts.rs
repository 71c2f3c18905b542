//! Components in registries: pushed, pulled, signed, and run from there, also when nobody answers any more.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use wattle_testkit::registry::{PASSWORD, USER};
use wattle_testkit::{App, Authority, Ran, Registry, guests};

use crate::WATTLE;

/// An app of the component at `source`, with these lines in its table.
pub(crate) fn app_of(source: &str, more: &str) -> App {
    App::empty().file(
        "wattle.toml",
        format!(
            "name = \"app\"\n[components.main]\nsource = \"{source}\"\n{more}\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"main\"\n"
        ),
    )
}

/// Runs a verb that has to end well; what it printed.
#[track_caller]
pub(crate) fn done(app: &App, arguments: &[&str]) -> String {
    // As it is: which port it was matters.
    let ran = Ran::of(WATTLE.command(app).args(arguments));
    assert!(ran.is_ok(), "{ran}");
    ran.stdout.trim_end().to_owned()
}

/// Runs a verb that has to fail; what it said.
#[track_caller]
pub(crate) fn failed(app: &App, arguments: &[&str], code: i32) -> String {
    let ran = Ran::of(WATTLE.command(app).args(arguments));
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.stderr
}

fn manifests(app: &App) -> Vec<String> {
    let listed: serde_json::Value = serde_json::from_str(&done(app, &["cache", "list", "--json"])).unwrap();
    let references = listed["references"].as_array().unwrap().iter();
    references.map(|reference| reference["reference"].as_str().unwrap().to_owned()).collect()
}

/// The same bytes are the same artifact each time, are not sent twice, and come back as they were; in either form.
#[test]
fn there_and_back() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let at = registry.authority();
    for (form, tag) in [("artifact", "1"), ("image", "2")] {
        let reference = format!("{at}/shop/hello:{tag}");
        let push = ["push", "hello.wasm", &reference, "--as", form];
        let pushed = done(&app, &push);
        let digest = pushed.strip_prefix(&format!("{reference}@sha256:")).expect("what it is pinned to").to_owned();
        assert_eq!(done(&app, &push), pushed);
        let again: serde_json::Value = serde_json::from_str(&done(&app, &[&push[..], &["--json"]].concat())).unwrap();
        assert_eq!(
            (again["sent_bytes"].as_u64(), again["digest"].as_str()),
            (Some(0), Some(&*format!("sha256:{digest}")))
        );

        assert_eq!(done(&app, &["pull", &reference, "-o", "back.wasm"]), pushed);
        assert_eq!(fs::read(app.join("back.wasm")).unwrap(), fs::read(guests::hello()).unwrap());
        done(&app, &["pull", &pushed, "-o", "/dev/null"]);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let mut to_stdout = WATTLE.command(&app);
        let piped = to_stdout.args(["pull", &pushed, "--output", "-"]).output().unwrap();
        assert_eq!(piped.stdout, fs::read(guests::hello()).unwrap());
    }
    let dated = |tag: &str, how: &[&str], variable: Option<&str>| {
        let reference = format!("{at}/shop/dated:{tag}");
        let mut push = WATTLE.command(&app);
        push.args(["push", "hello.wasm", &reference]).args(how);
        push.envs(variable.map(|seconds| ("SOURCE_DATE_EPOCH", seconds)));
        let ran = Ran::of(&mut push);
        ran.stdout.trim_end().rsplit_once('@').expect("a digest").1.to_owned()
    };
    assert_eq!(dated("1", &["--created", "2026-01-02T03:04:05Z"], None), dated("2", &[], Some("1767323045")));
    assert_ne!(dated("3", &[], None), dated("4", &["--world", "wasi:http/proxy@0.2.0"], None));
}

/// What is in a registry can be looked at without its bytes.
#[test]
fn looked_at() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let reference = format!("{}/shop/hello:1", registry.authority());
    let key = done(&app, &["key", "new", "key.pem"]);
    let pushed =
        done(&app, &["push", "hello.wasm", &reference, "--sign", "key.pem", "--world", "wasi:http/proxy@0.2.0"]);
    let page = done(&app, &["inspect", &reference]);
    for line in [
        format!("artifact {pushed}"),
        "config   application/vnd.wasm.config.v0+json".into(),
        "wasm     wasip2, made for wasi:http/proxy@0.2.0".into(),
        "exports  wasi:http/incoming-handler@0.2.12".into(),
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    assert!(page.contains(&format!(", which says that it is of the key {key}")), "{key}\n{page}");
    let missing = failed(&app, &["inspect", &format!("{}/shop/hello:2", registry.authority())], 3);
    assert!(missing.contains("there is no tag 2 in"), "{missing}");
    let url = failed(&app, &["push", "hello.wasm", &format!("https://{reference}")], 2);
    assert!(url.contains("begins with a scheme, and a reference has none"), "{url}");
    let run = failed(&app, &["run", &reference], 2);
    assert!(run.contains(&format!("is pulled first: wattle pull {reference} -o FILE, then wattle run FILE")), "{run}");

    let seen: serde_json::Value = serde_json::from_str(&done(&app, &["inspect", &pushed, "--json"])).unwrap();
    assert_eq!(seen["keys"].as_object().unwrap().values().next().unwrap(), key.as_str());
    assert_eq!(seen["layers"][0]["title"], "hello.wasm");
    assert_eq!(seen["referrers"][0]["artifact_type"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert_eq!(seen["wasm"]["exports"][0], "wasi:http/incoming-handler@0.2.12");
    assert!(manifests(&app).is_empty(), "nothing is kept of what is looked at");
    let layer = failed(&app, &["inspect", &reference, "--wit"], 2);
    assert!(layer.contains("pull it first"), "{layer}");
    // The list of what is about it is an index.
    let tag = pushed.rsplit_once('@').unwrap().1.replace(':', "-");
    let index = done(&app, &["inspect", &format!("{}/shop/hello:{tag}", registry.authority())]);
    assert!(index.contains("lists    application/vnd.oci.image.manifest.v1+json"), "{index}");
}

/// What is kept here does not satisfy the policy, and nobody else can be asked: the rule and its keys are told.
#[test]
fn unsigned_without_a_registry() {
    let Some(mut registry) = Registry::start() else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    let rule = "[[policy.signed]]\nartifacts = \"**/shop/*\"\nkeys = [\"key.pem.pub\"]\n";
    let app = App::empty().guest(&guests::hello()).file("host.toml", rule);
    let key = done(&app, &["key", "new", "key.pem"]);
    done(&app, &["push", "hello.wasm", &reference]);
    done(&app, &["pull", &reference]);
    registry.kill();
    let told = failed(&app, &["up", &reference, "--config", "host.toml"], 3);
    let wanted = format!("the rule for `**/shop/*` wants a signature of `key.pem.pub ({key})`, none is kept here");
    for said in [&wanted, "and its registry cannot be asked", &format!("cannot reach {}", registry.authority())] {
        assert!(told.contains(said), "{said}\n{told}");
    }
}

/// Who signed it is known by their public key alone.
#[test]
fn signed() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    for (kind, tag) in [("ed25519", "1"), ("p256", "2")] {
        let (key, reference) = (format!("{kind}.pem"), format!("{}/hello:{tag}", registry.authority()));
        let public = format!("{key}.pub");
        let id = done(&app, &["key", "new", &key, "--kind", kind]);
        assert_eq!(fs::metadata(app.join(&key)).unwrap().permissions().mode() & 0o777, 0o600);
        let again = failed(&app, &["key", "new", &key], 1);
        assert!(again.contains("File exists"), "{again}");

        let pushed = done(&app, &["push", "hello.wasm", &reference, "--annotation", &format!("kind={kind}")]);
        let unsigned = failed(&app, &["verify", &reference, "--key", &public], 1);
        assert!(unsigned.contains("no signature of") && unsigned.contains("it has none"), "{unsigned}");
        done(&app, &["sign", &reference, "--key", &key]);
        assert_eq!(done(&app, &["verify", &reference, "--key", &public]), pushed);
        let told: serde_json::Value =
            serde_json::from_str(&done(&app, &["verify", &pushed, "--key", &public, "--json"])).unwrap();
        assert_eq!(told["signatures"][0]["key"].as_str(), Some(&*id));

        done(&app, &["key", "new", &format!("other-{key}")]);
        let other = failed(&app, &["verify", &reference, "--key", &format!("other-{public}")], 1);
        assert!(other.contains("which is not among those that are trusted"), "{other}");
        let swapped = failed(&app, &["verify", &reference, "--key", &key], 2);
        assert!(swapped.contains("and not a public key") && !swapped.contains("BEGIN"), "{swapped}");
    }
    // A tag that moves takes no signature along.
    let reference = format!("{}/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference, "--annotation", "more=said"]);
    assert!(failed(&app, &["verify", &reference, "--key", "ed25519.pem.pub"], 1).contains("it has none"));
    done(&app, &["sign", &reference, "--key", "ed25519.pem", "--expires", "1ms"]);
    let late = failed(&app, &["sign", &reference, "--key", "ed25519.pem", "--expires", "100000000000h"], 2);
    assert!(late.contains("no time is so late"), "{late}");
    let expired = failed(&app, &["verify", &reference, "--key", "ed25519.pem.pub"], 1);
    assert!(expired.contains("the signature expired at"), "{expired}");
    let signed = ["push", "hello.wasm", &reference, "--annotation", "yet=more", "--sign", "p256.pem"];
    done(&app, &signed);
    done(&app, &["verify", &reference, "--key", "ed25519.pem.pub", "--key", "p256.pem.pub"]);
}

/// An app whose component lies in a registry starts the second time without one.
#[test]
fn from_a_registry() {
    let Some(mut registry) = Registry::start() else { return };
    let pusher = App::empty().guest(&guests::hello()).guest(&guests::echo());
    let reference = format!("{}/shop/hello:1", registry.authority());
    let first = done(&pusher, &["push", "hello.wasm", &reference]);
    let app = app_of(&reference, "");

    let looked = failed(&app, &["check"], 2);
    assert!(
        looked.contains("is not on this machine") && looked.contains(&format!("wattle pull {reference}")),
        "{looked}"
    );
    let locked = failed(&app, &["up", "--locked"], 2);
    assert!(locked.contains("is not in wattle.lock"), "{locked}");

    let answers = |more: &[&str]| {
        let server = WATTLE.up(&app).args(more.iter().copied()).start();
        server.get("/").text()
    };
    assert!(answers(&[]).starts_with("Hello"));
    let lock = || fs::read_to_string(app.join("wattle.lock")).unwrap();
    let digest = |pinned: &str| pinned.rsplit_once('@').expect("a digest").1.to_owned();
    assert!(lock().contains(&digest(&first)), "{}", lock());
    done(&app, &["check"]);
    assert_eq!(
        manifests(&app),
        [reference.clone(), format!("{}@{}", reference.rsplit_once(':').unwrap().0, digest(&first))]
    );

    // Somebody moves the tag: what runs stays, unless somebody asks.
    let second = done(&pusher, &["push", "echo.wasm", &reference]);
    assert!(answers(&[]).starts_with("Hello"));
    assert!(answers(&["--locked", "--pull", "always"]).starts_with("Hello"));
    assert!(!answers(&["--pull", "always"]).starts_with("Hello"));
    assert!(lock().contains(&digest(&second)), "{}", lock());

    registry.kill();
    assert!(!answers(&[]).starts_with("Hello"));
    assert!(!answers(&["--offline", "--locked"]).starts_with("Hello"));
    let down = failed(&app, &["up", "--pull", "always"], 3);
    assert!(down.contains("cannot reach") && down.contains(&registry.authority()), "{down}");
    let other = app_of(&reference, "pull = \"never\"");
    let never = failed(&other, &["up"], 2);
    assert!(never.contains("is not on this machine, and no registry is asked for it"), "{never}");
}

/// A mirror is asked first, and where it has nothing, the registry.
#[test]
fn mirrors() {
    let (Some(registry), Some(mut mirror)) = (Registry::start(), Registry::start()) else { return };
    let app = App::empty().guest(&guests::hello()).file(
        "host.toml",
        format!("[registries.\"{}\"]\nmirrors = [\"{}\"]\n", registry.authority(), mirror.authority()),
    );
    let at = |registry: &Registry, tag: &str| format!("{}/hello:{tag}", registry.authority());
    let pull = |reference: &str| Ran::of(WATTLE.command(&app).args(["pull", reference, "--config", "host.toml"]));
    done(&app, &["push", "hello.wasm", &at(&mirror, "there"), "--annotation", "at=mirror"]);
    assert!(pull(&at(&registry, "there")).is_ok());
    done(&app, &["push", "hello.wasm", &at(&registry, "here")]);
    assert!(pull(&at(&registry, "here")).is_ok());
    mirror.kill();
    assert!(pull(&at(&registry, "here")).is_ok());
    assert_eq!(pull(&at(&registry, "there")).code, Some(3));
    let wrong = app.join("wrong.toml");
    fs::write(&wrong, "[registries.\"no registry\"]\nca = \"missing.pem\"\n").unwrap();
    let faulty = failed(&app, &["pull", &at(&registry, "here"), "--config", "wrong.toml"], 2);
    assert!(faulty.contains("is no host name of a registry"), "{faulty}");
    fs::write(&wrong, format!("[registries.\"{}\"]\nca = \"missing.pem\"\n", registry.authority())).unwrap();
    let missing = failed(&app, &["pull", &at(&registry, "here"), "--config", "wrong.toml"], 3);
    assert!(missing.contains("missing.pem"), "{missing}");
}

/// Who is asked when: `never` is never, whatever is known of the tag, and who only looks asks nobody.
#[test]
fn who_is_asked() {
    let Some(registry) = Registry::start() else { return };
    let pusher = App::empty().guest(&guests::hello());
    let reference = format!("{}/hello:1", registry.authority());
    let pinned = done(&pusher, &["push", "hello.wasm", &reference]);
    let digest = pinned.rsplit_once('@').unwrap().1;
    let lock = format!("version = 1\n[[artifact]]\nreference = \"{reference}\"\ndigest = \"{digest}\"\n");
    let not_here = "is not on this machine, and no registry is asked for it";
    for source in [&reference, &pinned] {
        let app = app_of(source, "pull = \"never\"").file("wattle.lock", &lock);
        assert!(failed(&app, &["up"], 2).contains(not_here));
        assert!(failed(&app, &["up", "--offline", "--locked"], 2).contains(not_here));
    }
    let app = app_of(&reference, "pull = \"always\"").file("wattle.lock", &lock);
    assert!(failed(&app, &["check"], 2).contains(not_here));
    WATTLE.up(&app).start().stop();
    done(&app, &["check"]);
    WATTLE.up(&app).args(["--offline"]).start().stop();
}

/// A lock says where a tag leads to for one app, and for no other.
#[test]
fn a_lock_of_somebody_else() {
    let Some(registry) = Registry::start() else { return };
    let pusher = App::empty().guest(&guests::hello()).guest(&guests::echo());
    let good = format!("{}/good:1", registry.authority());
    let evil = done(&pusher, &["push", "echo.wasm", &format!("{}/evil:1", registry.authority())]);
    done(&pusher, &["push", "hello.wasm", &good]);
    let digest = evil.rsplit_once('@').unwrap().1;
    // Its bytes are here already.
    let lock = format!("version = 1\n[[artifact]]\nreference = \"{good}\"\ndigest = \"{digest}\"\n");
    let app = app_of(&evil, "").file("wattle.lock", &lock);
    done(&app, &["pull", &evil]);
    let manifest = fs::read_to_string(app.join("wattle.toml")).unwrap();
    let both = manifest + &format!("[components.other]\nsource = \"{good}\"\n");
    fs::write(app.join("wattle.toml"), both).unwrap();
    assert!(!WATTLE.up(&app).start().get("/").text().starts_with("Hello"));
    // The same store, another app.
    fs::remove_file(app.join("wattle.lock")).unwrap();
    fs::write(app.join("wattle.toml"), fs::read_to_string(app_of(&good, "").join("wattle.toml")).unwrap()).unwrap();
    assert!(WATTLE.up(&app).start().get("/").text().starts_with("Hello"));
}

/// A lock is changed by what can run, only, and each manifest has its own.
#[test]
fn what_is_locked() {
    let Some(registry) = Registry::start() else { return };
    let pusher =
        App::empty().guest(&guests::hello()).file("needs.wat", "(component (import \"a:b/c@1.0.0\" (instance)))");
    let reference = format!("{}/hello:1", registry.authority());
    done(&pusher, &["push", "hello.wasm", &reference]);
    let app = app_of(&reference, "");
    WATTLE.up(&app).start().stop();
    let lock = |name: &str| fs::read_to_string(app.join(name)).unwrap_or_default();
    let before = lock("wattle.lock");
    assert!(before.contains(&reference), "{before}");
    done(&pusher, &["push", "needs.wat", &reference]);
    let refused = failed(&app, &["up", "--pull", "always"], 2);
    assert!(refused.contains("which nothing here provides"), "{refused}");
    assert_eq!(lock("wattle.lock"), before);

    let other = format!("{}/other:1", registry.authority());
    done(&pusher, &["push", "hello.wasm", &other]);
    fs::write(app.join("other.toml"), fs::read_to_string(app_of(&other, "").join("wattle.toml")).unwrap()).unwrap();
    WATTLE.up(&app).path("other.toml").start().stop();
    assert_eq!(lock("wattle.lock"), before);
    assert!(lock("other.lock").contains(&other));
    fs::write(app.join("wattle.lock"), "version = 2").unwrap();
    let newer = failed(&app, &["up"], 2);
    assert!(newer.contains("wattle.lock cannot be used") && newer.contains("its version is 2"), "{newer}");
}

/// What the store has lost, or somebody has changed in it, is noticed and fetched again.
#[test]
fn a_damaged_store() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let reference = format!("{}/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    done(&app, &["pull", &reference]);
    let damage = || {
        for blob in fs::read_dir(app.cache_dir().join("wattle/artifacts/blobs/sha256")).unwrap() {
            let path = blob.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    };
    damage();
    let told = failed(&app, &["cache", "verify"], 1);
    assert!(told.contains("whose bytes had the digest") && told.contains("2 pieces"), "{told}");
    done(&app, &["pull", &reference]);
    damage();
    done(&app, &["pull", &reference, "-o", "back.wasm"]);
    assert_eq!(fs::read(app.join("back.wasm")).unwrap(), fs::read(guests::hello()).unwrap());
    done(&app, &["cache", "verify"]);
}

/// A registry that asks who is there, and speaks TLS with a certificate of nobody that the system knows.
#[test]
fn who_asks() {
    let authority = Authority::new();
    let builder = Registry::builder().with_password().tls(&authority.pair(&["localhost", "127.0.0.1"]));
    let Some(registry) = builder.start() else { return };
    let app = App::empty().guest(&guests::hello()).file("ca.pem", authority.root_pem());
    let at = registry.authority().replace("127.0.0.1", "localhost");
    let reference = format!("{at}/shop/hello:1");
    let push = ["push", "hello.wasm", &reference, "--ca", "ca.pem"];
    let logged_in = |arguments: &[&str], input: &str| {
        let mut command = WATTLE.command(&app);
        command.env("HOME", app.path()).args(arguments).stdin(Stdio::piped());
        Ran::with_input(&mut command, input)
    };
    let refused = logged_in(&push, "");
    assert_eq!(refused.code, Some(3), "{refused}");
    assert!(refused.stderr.contains(&format!("wattle login {at}")), "{refused}");
    let login = ["login", &at, "--user", USER, "--password-stdin", "--ca", "ca.pem"];
    assert_eq!(logged_in(&login, "").code, Some(2));
    let wrong = logged_in(&login, "guessed");
    assert!(
        wrong.code == Some(3) && wrong.stderr.contains("does not take this name") && !wrong.stderr.contains("guessed"),
        "{wrong}"
    );
    assert_eq!(logged_in(&push, "").code, Some(3));
    let told = logged_in(&login, &format!("{PASSWORD}\n"));
    assert!(told.is_ok() && told.stderr.contains("config.json") && !told.stderr.contains(PASSWORD), "{told}");
    assert!(logged_in(&push, "").is_ok());
    let unknown = logged_in(&["pull", &reference], "");
    assert!(unknown.code == Some(3) && unknown.stderr.contains("certificate"), "{unknown}");
    assert!(logged_in(&["pull", &reference, "--ca", "ca.pem"], "").is_ok());
    assert!(logged_in(&["logout", &at], "").stderr.contains("logged out"));
    assert_eq!(logged_in(&push, "").code, Some(3));
    assert!(logged_in(&["logout", &at], "").stderr.contains("nobody was logged in"));
}

/// What lies in a registry is Wasm or is not run: no text, nothing that somebody else compiled, nothing too large.
#[test]
fn what_is_not_run() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty()
        .guest(&guests::hello())
        .file("text.wasm", "no Wasm")
        .file("host.toml", "[limits]\ncompile-size = \"1KiB\"\n");
    let reference = format!("{}/hello:1", registry.authority());
    let text = failed(&app, &["push", "text.wasm", &reference], 2);
    assert!(text.contains("text.wasm cannot be used"), "{text}");
    let nothing = failed(&app, &["pull", &reference], 3);
    assert!(nothing.contains("cannot pull") && nothing.contains("hello"), "{nothing}");

    done(&app, &["push", "hello.wasm", &reference]);
    let large = failed(
        &app_of(&reference, "").file("host.toml", "[limits]\ncompile-size = \"1KiB\"\n"),
        &["up", "--config", "host.toml"],
        2,
    );
    assert!(large.contains("limit compile-size"), "{large}");

    let same = failed(&app, &["pull", &reference, "--config", "host.toml"], 2);
    assert!(same.contains("limit compile-size"), "{same}");
    done(&app, &["pull", &reference]);

    // Machine code that is announced as a component.
    let code = "\u{7f}ELF machine code";
    let compiled = format!("{}/compiled:1", registry.authority());
    push_as_it_is(&registry, "compiled", code);
    let refused = failed(&app_of(&compiled, ""), &["up"], 2);
    assert!(refused.contains("cannot be used"), "{refused}");
    let pulled = failed(&app, &["pull", &compiled, "-o", "out"], 2);
    assert!(pulled.contains("cannot be used") && !app.join("out").exists(), "{pulled}");
}

/// Puts bytes into a registry as the layer of a Wasm artifact, as any tool can.
fn push_as_it_is(registry: &Registry, repository: &str, bytes: &str) {
    use wattle_artifact::format::component::Packed;
    use wattle_artifact::format::manifest::{Annotations, Descriptor, Manifest};
    use wattle_artifact::format::media_type;
    use wattle_artifact::publish::publish;
    use wattle_artifact::registry::{Registries, Settings};

    let (config, layer) = (bytes::Bytes::from_static(b"{}"), bytes::Bytes::from(bytes.to_owned()));
    let manifest = Manifest {
        artifact_type: None,
        config: Descriptor::of(media_type::WASM_CONFIG, &config),
        layers: vec![Descriptor::of(media_type::WASM, &layer)],
        subject: None,
        annotations: Annotations::new(),
    };
    let blobs = vec![(manifest.config.clone(), config), (manifest.layers[0].clone(), layer)];
    let reference = format!("{}/{repository}:1", registry.authority()).parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let published = async {
        let registries = Registries::new(Settings::default()).unwrap();
        publish(&registries, &reference, &Packed::new(&manifest, blobs)).await
    };
    runtime.block_on(published).unwrap();
}
