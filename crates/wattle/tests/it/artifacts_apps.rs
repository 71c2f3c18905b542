//! Whole apps in registries: pushed as they are, run by their references, pulled into folders.

use std::fs;

use wattle_testkit::{App, Ran, Registry, guests};

use crate::WATTLE;
use crate::artifacts::{done, failed};

/// An app of a component in a file, one in the registry, and a folder.
fn shop(registry: &Registry) -> App {
    let app = App::empty().guest(&guests::hello()).guest(&guests::echo());
    let echo = format!("{}/acme/echo:1", registry.authority());
    done(&app, &["push", "echo.wasm", &echo]);
    app.file("shop/public/index.html", "<h1>shop</h1>").file("shop/public/img/a.svg", "<svg/>").file(
        "shop/wattle.toml",
        format!(
            "# The shop.\nname = \"shop\"\nversion = \"1.2.3\"\n\
             [components.main]\nsource = \"../hello.wasm\"\n\
             [components.echo]\nsource = \"{echo}\"\n\
             [[triggers.http]]\npath = \"/hello\"\ncomponent = \"main\"\n\
             [[triggers.http]]\npath = \"/echo\"\ncomponent = \"echo\"\n\
             [[triggers.http]]\npath = \"/...\"\nfiles = \"public\"\n"
        ),
    )
}

#[track_caller]
fn answers(app: &App, what: &str, more: &[&str]) {
    let server = WATTLE.up(app).path(what).args(more.iter().copied()).start();
    assert!(server.get("/hello").text().starts_with("Hello"));
    assert_eq!(server.get("/img/a.svg").text(), "<svg/>");
    assert_eq!(server.get("/").text(), "<h1>shop</h1>");
    assert_eq!(server.get("/echo").status(), 200);
}

/// An app is pushed as it is, is the same artifact each time, and runs by its reference: also when the registry is gone.
#[test]
fn there_and_back() {
    let Some(mut registry) = Registry::start() else { return };
    let app = shop(&registry);
    let reference = format!("{}/acme/shop:1.2.3", registry.authority());
    let pushed = done(&app, &["push", "shop", &reference]);
    assert!(app.join("shop/wattle.lock").exists(), "what tags lead to goes along");
    assert_eq!(done(&app, &["push", "shop/wattle.toml", &reference]), pushed);
    let again: serde_json::Value = serde_json::from_str(&done(&app, &["push", "shop", &reference, "--json"])).unwrap();
    assert_eq!(again["sent_bytes"].as_u64(), Some(0));

    let looked = done(&app, &["inspect", &reference]);
    for said in ["type     application/vnd.wattle.app.v1+json", "org.opencontainers.image.version = 1.2.3", " main"] {
        assert!(looked.contains(said), "{said}\n{looked}");
    }

    for said in ["has      main\nwasm     wasip2\n", "exports  wasi:http/incoming-handler@0.2."] {
        assert!(looked.contains(said), "{said}\n{looked}");
    }

    let other = App::empty();
    answers(&other, &reference, &[]);
    done(&other, &["check", &reference]);
    let explained = done(&other, &["explain", &reference]);
    assert!(explained.contains("main") && explained.contains("echo"), "{explained}");
    assert_eq!(done(&other, &["pull", &reference, "--output", "shop"]), pushed);
    let manifest = fs::read_to_string(other.join("shop/wattle.toml")).unwrap();
    assert!(
        manifest.starts_with("# The shop.\n") && manifest.contains("source = \"components/main.wasm\""),
        "{manifest}"
    );
    let occupied = failed(&other, &["pull", &reference, "--output", "shop"], 3);
    assert!(occupied.contains("is not an empty directory"), "{occupied}");
    // One of its components by itself.
    done(&other, &["pull", &reference, "--component", "main", "--output", "main.wasm"]);
    assert_eq!(fs::read(other.join("main.wasm")).unwrap(), fs::read(guests::hello()).unwrap());

    registry.kill();
    answers(&other, &reference, &[]);
    answers(&other, &pushed, &["--locked"]);
    answers(&other, "shop", &["--offline", "--locked"]);
    let fresh = App::empty();
    let down = failed(&fresh, &["up", &reference], 3);
    assert!(down.contains(&format!("cannot pull {reference}")), "{down}");
    let nobody = failed(&fresh, &["check", &reference], 2);
    assert!(nobody.contains("is not on this machine") && nobody.contains("wattle pull"), "{nobody}");
    let unlocked = failed(&other, &["up", &reference, "--locked"], 2);
    assert!(unlocked.contains("name a digest"), "{unlocked}");
}

/// The folder that an app serves out of the cache is left to it, and what was changed there is found.
#[test]
fn folders_in_the_cache() {
    let Some(registry) = Registry::start() else { return };
    let app = shop(&registry);
    let reference = format!("{}/acme/shop:1", registry.authority());
    done(&app, &["push", "shop", &reference]);
    let other = App::empty();
    let folders = || -> Vec<serde_json::Value> {
        let listed: serde_json::Value = serde_json::from_str(&done(&other, &["cache", "list", "--json"])).unwrap();
        listed["folders"].as_array().unwrap().clone()
    };
    assert!(folders().is_empty());
    let server = WATTLE.up(&other).path(&reference).start();
    assert_eq!(folders()[0]["files"].as_u64(), Some(2));
    done(&other, &["cache", "verify"]);
    let digest = folders()[0]["digest"].as_str().unwrap().to_owned();
    let folder = other.cache_dir().join("wattle/folders").join(digest.strip_prefix("sha256:").unwrap());
    fs::write(folder.join("index.html"), "<h1>shoq</h1>").unwrap();
    let served = failed(&other, &["cache", "verify"], 1);
    assert!(served.contains("an app serves it"), "{served}");
    done(&other, &["cache", "prune"]);
    assert_eq!(server.get("/img/a.svg").text(), "<svg/>");
    drop(server);
    let removed = failed(&other, &["cache", "verify"], 1);
    assert!(removed.contains("which was not as it was pushed"), "{removed}");
    assert!(folders().is_empty());
    answers(&other, &reference, &["--offline"]);
}

/// A component needs no manifest to run by its reference.
#[test]
fn a_component() {
    let Some(mut registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let reference = format!("{}/acme/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    let other = App::empty();
    let hello = || WATTLE.up(&other).path(&reference).start().get("/any").text();
    assert!(hello().starts_with("Hello"));
    assert!(!other.join("wattle.lock").exists());
    registry.kill();
    assert!(hello().starts_with("Hello"));
}

/// The policy of a host is about apps, too: one signature counts for all that was pushed with it.
#[test]
fn signed() {
    let Some(registry) = Registry::start() else { return };
    let app = shop(&registry);
    done(&app, &["key", "new", "acme.pem"]);
    let reference = format!("{}/acme/shop:1", registry.authority());
    done(&app, &["push", "shop", &reference]);
    let policy = |pattern: &str| {
        format!(
            "[policy]\nunsigned = \"refuse\"\n[[policy.signed]]\nartifacts = \"{pattern}\"\nkeys = [\"acme.pem.pub\"]\n"
        )
    };
    let public = fs::read(app.join("acme.pem.pub")).unwrap();
    let host = App::empty().file("acme.pem.pub", public).file("host.toml", policy("**/shop"));
    let unsigned = failed(&host, &["up", &reference, "--config", "host.toml"], 2);
    assert!(unsigned.contains("wants a signature of `acme.pem.pub"), "{unsigned}");
    failed(&host, &["pull", &reference, "--config", "host.toml"], 2);
    done(&app, &["push", "shop", &reference, "--sign", "acme.pem"]);
    // What it has of others is theirs to sign.
    let echo = failed(&host, &["up", &reference, "--config", "host.toml"], 2);
    assert!(echo.contains("/acme/echo:1@sha256:") && echo.contains("it has no rule"), "{echo}");
    let host = host.file("host.toml", policy("**"));
    let echo = failed(&host, &["up", &reference, "--config", "host.toml"], 2);
    assert!(echo.contains("component `echo`") && echo.contains("it has no signature"), "{echo}");
    done(&app, &["sign", &format!("{}/acme/echo:1", registry.authority()), "--key", "acme.pem"]);
    answers(&host, &reference, &["--config", "host.toml"]);
}

/// What cannot be pushed is told with its place, and nothing is sent.
#[test]
fn what_is_not_pushed() {
    let Some(registry) = Registry::start() else { return };
    let reference = format!("{}/acme/app:1", registry.authority());
    let app = App::empty().guest(&guests::hello()).file(
        "wattle.toml",
        "name = \"app\"\n[components.main]\nsource = \"hello.wasm\"\n\
         mounts = [{ host = \"data\", guest = \"/data\" }]\n\
         [components.gone]\nsource = \"gone.wasm\"\n\
         [backends.events]\ntype = \"nats\"\nservers = [\"nats://127.0.0.1:1\"]\ntoken-file = \"token\"\n\
         [[triggers.http]]\npath = \"/...\"\nfiles = \"../elsewhere\"\n",
    );
    fs::create_dir(app.join("data")).unwrap();
    let said = failed(&app, &["push", ".", &reference], 2);
    for fault in [
        "component `main`: data is not pushed with the app",
        "backend `events`: the token-file token is not pushed with the app",
        "component `gone`: cannot read",
        "the route `/...`: its folder cannot be pushed",
    ] {
        assert!(said.contains(fault), "{fault}\n{said}");
    }
    // A link is no way out.
    std::os::unix::fs::symlink("/usr/share", app.join("outside")).unwrap();
    let served = |folder: &str| {
        format!(
            "name = \"app\"\n[components.main]\nsource = \"hello.wasm\"\n\
             [[triggers.http]]\npath = \"/...\"\nfiles = \"{folder}\"\n"
        )
    };
    let app = app.file("wattle.toml", served("outside/doc"));
    let linked = failed(&app, &["push", ".", &reference], 2);
    assert!(linked.contains("its folder cannot be pushed: a link leads to /usr/share"), "{linked}");
    let app = app.file("wattle.toml", "name = \"app\"\n[components.main]\nsource = \"hello.wasm\"\n");
    let world = failed(&app, &["push", ".", &reference, "--world", "wasi:http/proxy"], 2);
    assert!(world.contains("--world is for a component, and this is an app"), "{world}");
    let image = failed(&app, &["push", ".", &reference, "--as", "image"], 2);
    assert!(image.contains("--as image is for a component"), "{image}");
    failed(&app, &["inspect", &reference], 3);
}

/// A pulled folder runs what its app runs, whatever paths its manifest has.
#[test]
fn odd_paths() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello()).guest(&guests::echo());
    let app = app
        .file("shop/a.wasm", fs::read(guests::echo()).unwrap())
        .file("shop/.hidden/b.wasm", fs::read(guests::hello()).unwrap())
        .file(
            "shop/wattle.toml",
            "name = \"shop\"\n[components.a]\nsource = \"../hello.wasm\"\n\
             [components.b]\nsource = \"./a.wasm\"\n[components.c]\nsource = \".hidden/b.wasm\"\n\
             [[triggers.http]]\npath = \"/a\"\ncomponent = \"a\"\n\
             [[triggers.http]]\npath = \"/b\"\ncomponent = \"b\"\n\
             [[triggers.http]]\npath = \"/c\"\ncomponent = \"c\"\n",
        );
    let reference = format!("{}/acme/shop:1", registry.authority());
    done(&app, &["push", "shop", &reference]);
    fs::create_dir(app.join("back")).unwrap();
    done(&app, &["pull", &reference, "--output", "back"]);
    let file = |name: &str| fs::read(app.join("back").join(name)).unwrap();
    assert!(file("components/a.wasm") == fs::read(guests::hello()).unwrap());
    assert!(file("a.wasm") == fs::read(guests::echo()).unwrap());
    assert!(!app.join("back/.hidden").exists());
    let server = WATTLE.up(&app).path("back").start();
    assert!(server.get("/a").text().starts_with("Hello") && server.get("/c").text().starts_with("Hello"));
    assert!(!server.get("/b").text().starts_with("Hello"));
    let piped = failed(&app, &["pull", &reference, "--output", "-"], 2);
    assert!(piped.contains("stdout takes one component"), "{piped}");
    // Onto a file, nothing is left behind.
    let onto = failed(&app, &["pull", &reference, "--output", "hello.wasm"], 3);
    assert!(onto.contains("is not an empty directory"), "{onto}");
    let left = fs::read_dir(app.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.into_iter().any(|name| name.starts_with(".wattle-pull")));
}

/// Where approvals are wanted not even the first version of an app from a registry approves itself.
#[test]
fn approved_first() {
    let Some(registry) = Registry::start() else { return };
    let app = shop(&registry);
    let reference = format!("{}/acme/shop:1", registry.authority());
    done(&app, &["push", "shop", &reference]);
    let host = App::empty().file("host.toml", "[policy]\napproval = \"wider\"\n");
    let first = failed(&host, &["up", &reference, "--config", "host.toml"], 2);
    assert!(first.contains("the app `default/shop` asks for more than what was approved, and"), "{first}");
    assert!(first.contains(&format!("wattle approve {reference}@sha256:")), "{first}");
    done(&host, &["approve", &reference, "--config", "host.toml"]);
    answers(&host, &reference, &["--config", "host.toml"]);
}

/// What is shipped need not be allowed to run where it is pushed from.
#[test]
fn pushed_where_it_may_not_run() {
    let Some(registry) = Registry::start() else { return };
    let app = shop(&registry).file("host.toml", "[policy]\nunsigned = \"refuse\"\n");
    let reference = format!("{}/acme/shop:1", registry.authority());
    done(&app, &["push", "shop", &reference, "--config", "host.toml", "--plain-http"]);
}

/// In each form that `cargo component` reads, in a workspace too; what is odd is told and keeps nothing from being
/// pushed.
#[test]
fn worlds_of_packages() {
    let Some(registry) = Registry::start() else { return };
    let reference = format!("{}/acme/hello:1", registry.authority());
    let package = |metadata: &str| format!("[package]\nname = \"hello\"\n{metadata}");
    let pushed = |app: &App, file: &str, more: &[&str]| {
        let file_in = app.join(file);
        fs::create_dir_all(file_in.parent().unwrap()).unwrap();
        fs::copy(guests::hello(), &file_in).unwrap();
        let ran = Ran::of(WATTLE.command(app).args([&["push", file, &reference][..], more].concat()));
        assert!(ran.is_ok(), "{ran}");
        let told: serde_json::Value = serde_json::from_str(&done(app, &["inspect", &reference, "--json"])).unwrap();
        let warnings = ran.stderr.lines().filter(|line| line.starts_with("warning: ")).collect::<String>();
        (told["wasm"]["target"].as_str().map(ToOwned::to_owned), warnings)
    };
    let wit = "package acme:shop@1.2.0;\nworld one { export f: func(); import wasi:cli/stdout@0.2.0; }\n";
    let check = |metadata: &str, expected: Option<&str>, warning: &str| {
        let app = App::empty().file("Cargo.toml", package(metadata)).file("wit/own.wit", wit);
        let (world, told) = pushed(&app, "target/hello.wasm", &[]);
        assert_eq!(world.as_deref(), expected, "{metadata}");
        assert!(if warning.is_empty() { told.is_empty() } else { told.contains(warning) }, "{metadata}: {told}");
    };
    let table = |target: &str| format!("[package.metadata.component.target]\n{target}\n");
    let proxy = Some("wasi:http/proxy@0.2.0");
    check("[package.metadata.component]\ntarget = \"wasi:http/proxy@0.2.0\"", proxy, "");
    check(&table("package = \"wasi:http\"\nversion = \"0.2.0\"\nworld = \"proxy\""), proxy, "");
    check(&table("package = \"wasi:http\"\nworld = \"wasi:http/proxy@0.2.0\""), proxy, "");
    check(&table("world = \"wasi:http/proxy@0.2.0\""), proxy, "");
    check(&table("package = \"wasi:http\""), None, "");
    let own = Some("acme:shop/one@1.2.0");
    check(&table("path = \"wit\"\nworld = \"one\""), own, "");
    check(&table("path = \"wit/own.wit\"\nworld = \"one\""), own, "");
    check(&table("world = \"one\""), own, "");
    check("[package.metadata.component]\npackage = \"acme:hello\"", own, "");
    check(&table("world = \"two\""), None, "has no world \"two\"");
    let said =
        "[package.metadata.component]\npackage = \"acme:hello\"\ntarget = { path = \"nowhere\", world = \"one\" }";
    check(said, Some("acme:hello/one"), "");
    check("[package.metadata.component]\ntarget = \"proxy\"", None, "\"proxy\" is no world");
    check("[package", None, "warning: which world was meant is not known from");
    check("", None, "");
    check(
        "[package.metadata.component]\ntarget = \"wasi:cli/command@0.2.0\"",
        Some("wasi:cli/command@0.2.0"),
        "is said to be made for wasi:cli/command@0.2.0 and does not export wasi:cli/run",
    );

    let named = |name: &str, world: &str| {
        format!("[package]\nname = \"{name}\"\n[package.metadata.component]\ntarget = \"acme:{world}/it\"\n")
    };
    let workspace = App::empty()
        .file("Cargo.toml", "[workspace]\nmembers = [\"parts/*\", \"last\"]\n")
        .file("parts/one/Cargo.toml", named("part-one", "one"))
        .file("parts/broken/Cargo.toml", "[")
        .file("last/Cargo.toml", named("last", "last") + "[lib]\nname = \"final\"\n");
    let world = |file: &str| pushed(&workspace, &format!("target/wasm32-wasip2/release/{file}.wasm"), &[]).0;
    assert_eq!(world("part_one").as_deref(), Some("acme:one/it"));
    assert_eq!(world("part-one").as_deref(), Some("acme:one/it"));
    assert_eq!(world("final").as_deref(), Some("acme:last/it"));
    assert_eq!(world("other"), None);

    let wrong = failed(&workspace, &["push", "target/x.wasm", &reference, "--world", "proxy"], 2);
    assert!(wrong.contains("expected a world with its package"), "{wrong}");
    let (world, told) = pushed(&workspace, "x.wasm", &["--world", "wasi:cli/command@0.2.0"]);
    assert_eq!(world.as_deref(), Some("wasi:cli/command@0.2.0"));
    assert!(told.contains("does not export wasi:cli/run"), "{told}");
}

/// What an artifact is made of is found from it, and what its package was made for is in its configuration.
#[test]
fn sbom_and_world() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty()
        .guest(&guests::hello())
        .file("app.cdx.json", "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\"}")
        .file("no.json", "{}")
        .file("pkg/Cargo.toml", "[package]\nname = \"hello\"\n[package.metadata.component]\ntarget = { package = \"wasi:http@0.2.0\", world = \"proxy\" }\n");
    fs::create_dir_all(app.join("pkg/target")).unwrap();
    fs::copy(guests::hello(), app.join("pkg/target/hello.wasm")).unwrap();
    let reference = format!("{}/acme/hello:1", registry.authority());
    let wrong = failed(&app, &["push", "hello.wasm", &reference, "--sbom", "no.json"], 2);
    assert!(wrong.contains("is not pushed with that SBOM") && wrong.contains("no.json"), "{wrong}");
    failed(&app, &["inspect", &reference], 3);
    done(&app, &["push", "pkg/target/hello.wasm", &reference, "--sbom", "app.cdx.json"]);
    let told: serde_json::Value = serde_json::from_str(&done(&app, &["inspect", &reference, "--json"])).unwrap();
    assert_eq!(told["referrers"][0]["artifact_type"].as_str(), Some("application/vnd.cyclonedx+json"));
    assert_eq!(told["wasm"]["target"].as_str(), Some("wasi:http/proxy@0.2.0"));
    done(&app, &["push", "pkg/target/hello.wasm", &reference, "--world", "acme:own/world"]);
    let told: serde_json::Value = serde_json::from_str(&done(&app, &["inspect", &reference, "--json"])).unwrap();
    assert_eq!(told["wasm"]["target"].as_str(), Some("acme:own/world"));
    // What lies in another repository of the registry is not sent again.
    let copy = format!("{}/acme/copy:1", registry.authority());
    let from = format!("{}/acme/hello", registry.authority());
    let sent = done(&app, &["push", "hello.wasm", &copy, "--from", &from, "--json"]);
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    assert!(sent["present_bytes"].as_u64() >= Some(fs::metadata(guests::hello()).unwrap().len()), "{sent}");
}
