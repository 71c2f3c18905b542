//! What an operator lets run: who must have signed it, what it may import, and who approves that it asks for more. What
//! is refused is refused before anything of it is compiled.

use std::fs;

use wattle_testkit::{App, Ran, Registry, guests};

use crate::WATTLE;
use crate::artifacts::done;

/// An app called `shop` of the component at `source`, on a host with this policy.
fn app_of(source: &str, more: &str, policy: &str) -> App {
    App::empty()
        .file(
            "wattle.toml",
            format!(
                "name = \"shop\"\n[components.main]\nsource = \"{source}\"\n{more}\n\
                 [[triggers.http]]\npath = \"/...\"\ncomponent = \"main\"\n"
            ),
        )
        .file("host.toml", policy)
}

#[track_caller]
fn refused(app: &App, verb: &str) -> String {
    let ran = Ran::of(WATTLE.command(app).args([verb, "--config", "host.toml"]));
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.stderr
}

fn starts(app: &App) {
    let server = WATTLE.up(app).args(["--config", "host.toml"]).start();
    assert!(server.get("/").status() < 500);
}

fn is_compiled(app: &App) -> bool {
    fs::read_dir(app.code_dir()).is_ok_and(|mut entries| entries.next().is_some())
}

/// How many bytes the largest blob has that came from a registry.
fn largest_blob(app: &App) -> u64 {
    let blobs = fs::read_dir(app.cache_dir().join("wattle/artifacts/blobs/sha256"));
    blobs.into_iter().flatten().map(|blob| blob.unwrap().metadata().unwrap().len()).max().unwrap_or(0)
}

/// Without a signature of a key that its rule names nothing of an artifact is compiled, not even fetched; with one it
/// starts, and again when nobody answers any more.
#[test]
fn who_signed_it() {
    let Some(mut registry) = Registry::start() else { return };
    let pusher = App::empty().guest(&guests::hello());
    let reference = format!("{}/acme/hello:1", registry.authority());
    for key in ["acme", "other"] {
        done(&pusher, &["key", "new", key]);
    }
    let public = |key: &str| fs::read_to_string(pusher.join(&format!("{key}.pub"))).unwrap();
    let pinned = done(&pusher, &["push", "hello.wasm", &reference]);
    let rule = format!(
        "[[policy.signed]]\nartifacts = \"{}/acme/*\"\nkeys = [\"keys/acme.pub\", \"keys/old.pub\"]\n",
        registry.authority()
    );
    let app = app_of(&reference, "", &rule);
    let missing = Ran::of(WATTLE.command(&app).args(["up", "--config", "host.toml"]));
    assert!(missing.code == Some(2) && missing.stderr.contains("keys/acme.pub"), "{missing}");
    let app = app.file("keys/acme.pub", public("acme")).file("keys/old.pub", public("other").replace("other", "old"));
    done(&pusher, &["key", "new", "old"]);
    let app = app.file("keys/old.pub", public("old"));

    let unsigned = refused(&app, "up");
    for said in [
        &format!("the policy of this host refuses {pinned}"),
        &format!("the rule for `{}/acme/*` wants a signature of `keys/acme.pub (sha256:", registry.authority()),
        "and it has no signature",
        "component `main`",
        &format!("wattle sign {pinned} --key FILE"),
    ] {
        assert!(unsigned.contains(said), "{said}\n{unsigned}");
    }
    done(&pusher, &["sign", &reference, "--key", "other"]);
    let other = refused(&app, "up");
    assert!(other.contains("and it has none: it is signed with the key") && other.contains("trusted"), "{other}");
    done(&pusher, &["sign", &reference, "--key", "acme", "--expires", "1ms"]);
    let expired = refused(&app, "up");
    assert!(expired.contains("the signature expired at"), "{expired}");
    assert!(!is_compiled(&app));
    let size = fs::metadata(guests::hello()).unwrap().len();
    assert!(largest_blob(&app) < size);

    done(&pusher, &["sign", &reference, "--key", "acme"]);
    starts(&app);
    assert!(is_compiled(&app));
    assert_eq!(largest_blob(&app), size);
    registry.kill();
    starts(&app);
    done(&app, &["check", "--config", "host.toml"]);
    done(&app, &["cache", "prune"]);
    starts(&app);

    // What the operator trusts no more is refused at the next start, from what is kept of it too.
    let app = app.file("keys/acme.pub", public("other"));
    let ran = Ran::of(WATTLE.command(&app).args(["up", "--config", "host.toml", "--offline"]));
    assert!(ran.code == Some(2) && ran.stderr.contains("is not among those that are trusted"), "{ran}");
}

/// Each rule that is about an artifact has to be met.
#[test]
fn two_rules() {
    let Some(registry) = Registry::start() else { return };
    let pusher = App::empty().guest(&guests::hello());
    let reference = format!("{}/acme/hello:1", registry.authority());
    for key in ["acme", "audit"] {
        done(&pusher, &["key", "new", key, "--kind", "p256"]);
    }
    let public = |key: &str| fs::read_to_string(pusher.join(&format!("{key}.pub"))).unwrap();
    done(&pusher, &["push", "hello.wasm", &reference, "--sign", "acme"]);
    let rules = "[[policy.signed]]\nartifacts = \"**/acme/*\"\nkeys = [\"acme.pub\"]\n\
                 [[policy.signed]]\nartifacts = \"**\"\nkeys = [\"audit.pub\"]\n";
    let app = app_of(&reference, "", rules).file("acme.pub", public("acme")).file("audit.pub", public("audit"));
    let half = refused(&app, "up");
    assert!(half.contains("the rule for `**` wants a signature of `audit.pub ("), "{half}");
    done(&pusher, &["sign", &reference, "--key", "audit"]);
    starts(&app);
}

/// Where everything has to be signed, a file is not, nor is what no rule is about.
#[test]
fn everything_signed() {
    let policy = "[policy]\nunsigned = \"refuse\"\n";
    let app = app_of("hello.wasm", "", policy).guest(&guests::hello());
    for verb in ["up", "check"] {
        let file = refused(&app, verb);
        assert!(file.contains("nobody signs a file (unsigned = \"refuse\")"), "{file}");
    }
    let bare = Ran::of(WATTLE.command(&app).args(["up", "hello.wasm", "--config", "host.toml"]));
    assert!(bare.code == Some(2) && bare.stderr.contains("nobody signs a file"), "{bare}");
    assert!(!is_compiled(&app));
    let Some(registry) = Registry::start() else { return };
    let reference = format!("{}/acme/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    let app = app_of(&reference, "", policy);
    let without = refused(&app, "up");
    assert!(without.contains("it has no rule about who must have signed it"), "{without}");
    assert!(without.contains(&format!("artifacts = \"{}/acme/hello\"", registry.authority())), "{without}");
}

/// What an app may import from its host: the same for who checks, who explains and who starts.
#[test]
fn what_it_may_import() {
    let rule = |allow: &str| format!("[[policy.imports]]\napps = \"shop\"\nallow = [{allow}]\n");
    let app = app_of("state.wasm", "", &rule("\"wasi:http\", \"wasi:cli\", \"wasi:clocks\", \"wasi:random\""));
    let app = app.guest(&guests::state());
    for verb in ["up", "check", "explain"] {
        let said = refused(&app, verb);
        assert!(said.contains("`wasi:keyvalue/store@0.2.0-draft`") && said.matches("error:").count() == 1, "{said}");
        assert!(said.contains("the rule for `shop` allows `wasi:http`, `wasi:cli`"), "{said}");
    }
    assert!(!is_compiled(&app));
    // Another rule about the app lets it import more.
    let wider = "[[policy.imports]]\napps = \"*\"\n\
                 allow = [\"wasi:keyvalue\", \"wasi:config\", \"wasi:logging\", \"wasi:filesystem\", \"wasi:sockets\"]\n";
    let narrow = fs::read_to_string(app.join("host.toml")).unwrap();
    let app = app.file("host.toml", narrow + wider);
    starts(&app);
    let app = app.file("host.toml", rule("").replace("shop", "other"));
    starts(&app);
}

/// A version that asks for more than the one before waits for somebody who approves that.
#[test]
fn who_approves() {
    let policy = "[policy]\napproval = \"wider\"\n";
    let app = app_of("hello.wasm", "", policy).guest(&guests::hello()).guest(&guests::state());
    starts(&app);
    // The same in other words asks for nothing.
    starts(&app);
    let wide = fs::read_to_string(app.join("wattle.toml")).unwrap();
    let granted = "source = \"state.wasm\"\nallow.http = [\"https://api.example.com\"]";
    let wide = wide.replace("source = \"hello.wasm\"", granted);
    let app = app.file("wattle.toml", &wide);
    for verb in ["up", "check"] {
        let said = refused(&app, verb);
        for more in [
            "the app `default/shop` asks for more than what was approved on 20",
            "    + main: HTTP to https://api.example.com\n",
            "    + main: wasi:keyvalue/store\n",
            "run `wattle approve ",
        ] {
            assert!(said.contains(more), "{more}\n{said}");
        }
    }
    let approve = ["approve", "--config", "host.toml"];
    let shown = done(&app, &[&approve[..], &["--dry-run"]].concat());
    assert!(shown.contains("+ main: wasi:keyvalue/store"), "{shown}");
    refused(&app, "up");
    assert_eq!(done(&app, &approve), shown);
    starts(&app);
    let told: serde_json::Value = serde_json::from_str(&done(&app, &[&approve[..], &["--json"]].concat())).unwrap();
    assert_eq!((told["app"].as_str(), told["more"].as_array().map(Vec::len)), (Some("default/shop"), Some(0)));

    // What it does not ask for any more it may not ask for again.
    let app = app.file("wattle.toml", wide.replace("allow.http", "# allow.http"));
    starts(&app);
    let app = app.file("wattle.toml", wide);
    assert!(refused(&app, "up").contains("+ main: HTTP to https://api.example.com\n"));

    let record = app.data_dir().join("approved/default.shop.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    let newer = Ran::of(WATTLE.command(&app).args(["up", "--config", "host.toml"]));
    assert!(newer.code == Some(3) && newer.stderr.contains("run the newer release again"), "{newer}");
    fs::write(&record, "{").unwrap();
    let broken = Ran::of(WATTLE.command(&app).args(["check", "--config", "host.toml"]));
    assert!(broken.code == Some(3) && broken.stderr.contains("does not say what was approved"), "{broken}");
}

/// What does not start approves nothing, and takes nothing back.
#[test]
fn what_did_not_start() {
    let policy = "[policy]\napproval = \"wider\"\n";
    let app = app_of("state.wasm", "", policy).guest(&guests::hello()).guest(&guests::state());
    starts(&app);
    let wide = fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app = app.file("wattle.toml", wide.replace("state.wasm", "hello.wasm"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let ran = Ran::of(WATTLE.command(&app).args(["up", "--config", "host.toml", "--listen", &listen]));
    assert_eq!(ran.code, Some(3), "{ran}");
    let app = app.file("wattle.toml", wide);
    starts(&app);
}

/// A backend that the app brings is asked for with its server: another one may be anybody's.
#[test]
fn other_servers() {
    let policy = "[policy]\napproval = \"wider\"\n";
    let backend = |server: &str| format!("[backends.events]\ntype = \"nats\"\nservers = [\"nats://{server}\"]\n");
    let app = app_of("hello.wasm", &backend("one.example.com"), policy).guest(&guests::hello());
    starts(&app);
    let text = fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app = app.file("wattle.toml", text.replace("one.example.com", "two.example.com"));
    let said = refused(&app, "up");
    assert!(
        said.contains("+ the backend events: type = nats, scope = app, servers = nats://two.example.com"),
        "{said}"
    );
}

/// While a version runs the next one is approved.
#[test]
fn approved_beside() {
    let policy = "[policy]\napproval = \"wider\"\n[links]\n\"wasi:keyvalue\" = \"disk\"\n";
    let app = app_of("state.wasm", "", policy).guest(&guests::state());
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let app_text = fs::read_to_string(app.join("wattle.toml")).unwrap();
    fs::write(app.join("wattle.toml"), app_text.replace(".wasm\"", ".wasm\"\nsecrets = [\"stripe-key\"]")).unwrap();
    refused(&app, "check");
    assert_eq!(done(&app, &["approve", "--config", "host.toml"]), "+ main: the secret stripe-key");
    assert!(server.get("/").status() < 500);
}
