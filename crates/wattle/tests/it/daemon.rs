//! `wattle host` and the verbs that tell it what to run: apply, ps, describe, rollback, stop, start, rm.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wattle_testkit::process::{Process, Signal};
use wattle_testkit::{App, Connection, Ran, Registry, Server, guests, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket, told};

/// A host in the directory of `app`, with code that is compiled once for all tests.
pub(crate) fn host(app: &App) -> Server {
    WATTLE.host(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// The manifest of an app that answers below `/NAME/` with a component, and below `/NAME/files/` with a folder.
fn manifest(name: &str, version: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"{version}\"\n[components.web]\nsource = \"hello.wasm\"\n\
         [[triggers.http]]\npath = \"/{name}/...\"\ncomponent = \"web\"\n\
         [[triggers.http]]\npath = \"/{name}/files/...\"\nfiles = \"public\"\n"
    )
}

/// Apps in folders of one directory, each with a file that has its version in it.
fn apps(names: &[&str]) -> App {
    names.iter().fold(App::empty(), |app, name| version(app, name, "1.0.0"))
}

/// The app `name` at another version.
fn version(app: App, name: &str, version: &str) -> App {
    fs::create_dir_all(app.join(name)).unwrap();
    fs::copy(guests::hello(), app.join(name).join("hello.wasm")).unwrap();
    app.file(&format!("{name}/wattle.toml"), manifest(name, version)).file(&format!("{name}/public/version"), version)
}

fn run<const N: usize>(app: &App, verb: [&str; N]) -> Ran {
    WATTLE.run(app, verb)
}

/// What a verb says that ends well.
#[track_caller]
fn said<const N: usize>(app: &App, verb: [&str; N]) -> String {
    let ran = run(app, verb);
    assert!(ran.is_ok(), "{ran}");
    ran.stdout
}

/// How the apps of the only host are: the name, the state and the generation of each.
#[track_caller]
fn states(app: &App) -> Vec<(String, String, u64)> {
    let ps = told(app, ["ps"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let apps = ps["hosts"][0]["apps"].as_array().unwrap().iter();
    apps.map(|app| (text(&app["app"]), text(&app["state"]), app["generation"].as_u64().unwrap_or(0))).collect()
}

fn state(name: &str, state: &str, generation: u64) -> (String, String, u64) {
    (format!("default/{name}"), state.into(), generation)
}

#[test]
fn from_apply_to_rm() {
    let app = apps(&["shop", "blog"]);
    let server = host(&app);
    assert_eq!(
        said(&app, ["apply", "shop", "blog"]),
        "default/shop started (generation 1)\ndefault/blog started (generation 1)\n"
    );
    assert_eq!(server.get("/shop/").text(), "Hello from Wattle\n");
    assert_eq!(server.get("/blog/files/version").text(), "1.0.0");
    assert_eq!(said(&app, ["apply", "shop/wattle.toml"]), "default/shop unchanged (generation 1)\n");

    let app = version(app, "shop", "1.1.0");
    assert_eq!(said(&app, ["apply", "shop"]), "default/shop updated (generation 2)\n");
    assert_eq!(server.get("/shop/files/version").text(), "1.1.0");
    let described = said(&app, ["describe", "shop"]);
    let lines: Vec<Vec<&str>> = described.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[..3], [["app:", "default/shop"], ["state:", "running"], ["generation:", "2"]]);
    assert_eq!((lines[5][0], lines[5][1], lines[5][3]), ("2", "*", "1.1.0"));
    assert_eq!((lines[6][0], lines[6][2], lines[6][4]), ("1", "1.0.0", "DIR/shop/wattle.toml"));

    assert_eq!(said(&app, ["rollback", "shop"]), "default/shop updated (generation 3)\n");
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0", "as it was, whatever the files are now");
    assert_eq!(said(&app, ["rollback", "shop", "2"]), "default/shop updated (generation 4)\n");
    assert_eq!(server.get("/shop/files/version").text(), "1.1.0");

    assert_eq!(said(&app, ["stop", "shop"]), "default/shop stopped\n");
    assert_eq!((server.get("/shop/").status(), server.get("/blog/").status()), (404, 200));
    assert_eq!(states(&app), [state("blog", "running", 1), state("shop", "stopped", 4)]);
    assert_eq!(said(&app, ["start", "shop"]), "default/shop started (generation 4)\n");
    assert_eq!(server.get("/shop/").status(), 200);
    assert!(said(&app, ["rm", "shop", "blog"]).starts_with("default/shop removed"));
    assert_eq!(states(&app), []);
    assert_eq!(server.get("/shop/").status(), 404);
    assert!(server.stop().is_ok());
}

/// However a host ends, it comes back as it was, whatever has become of what it was told.
#[test]
fn it_remembers() {
    let app = apps(&["shop", "blog", "old"]);
    let server = host(&app);
    said(&app, ["apply", "shop", "blog", "old"]);
    let app = version(app, "shop", "2.0.0");
    said(&app, ["apply", "shop"]);
    said(&app, ["stop", "blog"]);
    said(&app, ["rm", "old"]);
    server.kill();
    for name in ["shop", "blog", "old"] {
        fs::remove_dir_all(app.join(name)).unwrap();
    }
    let server = host(&app);
    assert_eq!(states(&app), [state("blog", "stopped", 1), state("shop", "asleep", 2)]);
    assert_eq!(server.get("/shop/files/version").text(), "2.0.0");
    assert_eq!(states(&app), [state("blog", "stopped", 1), state("shop", "running", 2)]);
    assert_eq!(said(&app, ["rollback", "shop"]), "default/shop updated (generation 3)\n");
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    assert_eq!(said(&app, ["start", "blog"]), "default/blog started (generation 1)\n");
    assert!(server.stop().is_ok());
    let server = host(&app);
    assert_eq!(states(&app), [state("blog", "asleep", 1), state("shop", "asleep", 3)]);
    assert_eq!(server.get("/blog/").status(), 200);
    // What sleeps is asked, changed and stopped like what runs.
    assert!(said(&app, ["link", "list", "shop"]).contains("shop"));
    assert!(server.stop().is_ok());
    let server = host(&app);
    assert_eq!(said(&app, ["rollback", "shop", "1"]), "default/shop unchanged (generation 3)\n");
    assert_eq!(said(&app, ["rollback", "shop", "2"]), "default/shop updated (generation 4)\n");
    assert_eq!(said(&app, ["stop", "blog"]), "default/blog stopped\n");
    assert_eq!((server.get("/blog/").status(), server.get("/shop/files/version").text()), (404, "2.0.0".to_owned()));
}

/// What cannot run leaves what runs alone, and says why.
#[test]
fn what_cannot_run() {
    let app = apps(&["shop", "rival"]);
    let app = app.file("rival/wattle.toml", manifest("rival", "1.0.0").replace("/rival/", "/shop/"));
    let app = app.file("broken/wattle.toml", "name = \"shop\"\n[components.web]\nsauce = \"hello.wasm\"\n");
    let trap = "(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))";
    let app = app.file("trap/wattle.toml", "name = \"shop\"\n[components.web]\nsource = \"trap.wat\"\n");
    let app = app.file("trap/trap.wat", trap);
    let server = host(&app);
    said(&app, ["apply", "shop"]);
    let check = |verb: &[&str], code: i32, parts: &[&str]| {
        let ran = WATTLE.run(&app, verb);
        assert_eq!(ran.code, Some(code), "{verb:?}: {ran}");
        parts.iter().for_each(|part| assert!(ran.stderr.contains(part), "{part}: {ran}"));
        assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    };
    check(&["apply", "rival"], 2, &["the route /shop/... belongs to the app default/shop already"]);
    check(&["apply", "broken"], 2, &["unknown key `sauce`", "DIR/broken/wattle.toml:3:1"]);
    check(&["apply", "trap"], 1, &["component web fails when it is started", "unreachable"]);
    check(&["apply", "nowhere"], 2, &["cannot read DIR/nowhere"]);
    check(&["apply", "--generation", "1", "trap"], 2, &["at generation 1, and 1 cannot be the next one"]);
    check(&["rollback", "shop"], 2, &["has no generation before the one that runs", "kept are: 1"]);
    check(&["rollback", "shop", "9"], 2, &["has no generation 9"]);
    check(&["stop", "shpo"], 2, &["no app `default/shpo`", "did you mean `default/shop`?"]);
    check(&["describe", "rival"], 2, &["no app `default/rival`"]);
    // Of several, those that can run do.
    check(&["apply", "broken", "shop"], 2, &["unknown key `sauce`"]);
    assert_eq!(states(&app), [state("shop", "running", 1)]);
    let shop = &get(&socket(&app), "/v1/status")["apps"][0];
    assert!(shop["reason"].as_str().unwrap_or_default().contains("fails when it is started"), "{shop}");
    said(&app, ["apply", "--generation", "7", "shop"]);
    assert_eq!(states(&app), [state("shop", "running", 7)]);
}

/// An app that cannot be started again is shown as such, and the others run.
#[test]
fn what_cannot_run_again() {
    let app = apps(&["shop", "blog"]);
    let app = app.file("shop/data/x", "");
    let mounts = "[components.web]\nmounts = [{ host = \"data\", guest = \"/data\" }]\n";
    let app = app.file("shop/wattle.toml", manifest("shop", "1.0.0").replace("[components.web]\n", mounts));
    let server = host(&app);
    said(&app, ["apply", "shop", "blog"]);
    server.kill();
    fs::remove_dir_all(app.join("shop/data")).unwrap();
    let record = app.state_dir().join("wattle/apps/default.blog.json");
    let text = fs::read_to_string(&record).unwrap();
    let server = host(&app);
    let answer = server.get("/shop/");
    assert_eq!((answer.status(), answer.code().as_deref()), (503, Some("app-asleep")));
    assert_eq!(server.get("/blog/").status(), 200);
    assert_eq!(states(&app), [state("blog", "running", 1), state("shop", "failed", 1)]);
    let ps = said(&app, ["ps"]);
    assert!(ps.contains("there is no directory DIR/shop/data"), "{ps}");
    fs::create_dir(app.join("shop/data")).unwrap();
    assert_eq!(said(&app, ["start", "shop"]), "default/shop started (generation 1)\n");
    assert!(server.stop().is_ok());
    // What is damaged, or of another release, is left as it is.
    let of = |format: &str| text.replace("\"format\":2", format);
    for (text, reason) in [
        ("{", "does not say what is to run"),
        (&of("\"format\":3"), "has the format 3"),
        (&of("\"format\":1"), "has the format 1, which is 2 since the data directory was migrated"),
    ] {
        fs::write(&record, text).unwrap();
        let server = host(&app);
        server.log.wait_for(reason, |line| line.contains(reason));
        assert_eq!(states(&app), [state("blog", "failed", 0), state("shop", "asleep", 1)]);
        assert!(server.stop().is_ok());
        assert_eq!(fs::read_to_string(&record).unwrap(), *text);
    }
}

/// State and names of namespaces never cross.
#[test]
fn namespaces() {
    let manifest = |host: &str| {
        format!(
            "name = \"shop\"\n[components.state]\nsource = \"state.wasm\"\nlinks = {{ \"wasi:keyvalue\" = \"disk\" }}\n\
             [[triggers.http]]\nhost = \"{host}.test\"\npath = \"/...\"\ncomponent = \"state\"\n"
        )
    };
    let app = App::empty().file("one/wattle.toml", manifest("one")).file("two/wattle.toml", manifest("two"));
    let state = guests::all().into_iter().find(|(name, _)| *name == "state").unwrap().1;
    for name in ["one", "two"] {
        fs::copy(&state, app.join(name).join("state.wasm")).unwrap();
    }
    let server = host(&app);
    let ask =
        |host: &str, method: &str, body: &str| server.connect().host(host).call(method, "/kv/b/k", body.as_bytes());
    assert_eq!(said(&app, ["apply", "--namespace", "red", "one"]), "red/shop started (generation 1)\n");
    assert_eq!(said(&app, ["apply", "--namespace", "blue", "two"]), "blue/shop started (generation 1)\n");
    assert_eq!(ask("one.test", "PUT", "red").status(), 204);
    assert_eq!(ask("two.test", "GET", "").status(), 404, "what another keeps");
    assert_eq!(ask("one.test", "GET", "").text(), "red");
    said(&app, ["rm", "red/shop"]);
    assert_eq!(ask("one.test", "GET", "").code().as_deref(), Some("no-route"));
    said(&app, ["apply", "--namespace", "red", "one"]);
    assert_eq!(ask("one.test", "GET", "").text(), "red", "what it keeps is left when it is removed");
    assert_eq!(run(&app, ["apply", "--namespace", "Red", "one"]).code, Some(2));
}

/// A host for one app takes no others, and of several hosts one has to be named.
#[test]
fn whom_to_tell() {
    let app = apps(&["shop"]);
    let ran = run(&app, ["apply", "shop"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("no host of this user runs here"), "{ran}");
    let _up = WATTLE.up(&app).path("shop").env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    for verb in [["apply", "shop"], ["stop", "shop"]] {
        let ran = run(&app, verb);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains("was started for one app") && ran.stderr.contains("`wattle host`"), "{ran}");
    }
    let _host = host(&app);
    assert_eq!(said(&app, ["apply", "shop"]), "default/shop started (generation 1)\n");
    let other = WATTLE.host(&app).args(["--data-dir", "other"]).start();
    let ran = run(&app, ["apply", "shop"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("several hosts take apps here"), "{ran}");
    drop(other);
    let taken = WATTLE.host(&app).refused();
    assert!(taken.code == Some(3) && taken.stderr.contains("is in use by process PID"), "{taken}");
}

/// Many at once: each once, in some order, with generations without gaps.
#[test]
fn at_the_same_time() {
    let app = apps(&["shop"]);
    let server = host(&app);
    said(&app, ["apply", "shop"]);
    let versions: Vec<_> = (0..8).map(|number| format!("copy-{number}")).collect();
    for version in &versions {
        let folder = app.join(version);
        fs::create_dir(&folder).unwrap();
        fs::copy(guests::hello(), folder.join("hello.wasm")).unwrap();
        fs::create_dir(folder.join("public")).unwrap();
        fs::write(folder.join("public/version"), version).unwrap();
        fs::write(folder.join("wattle.toml"), manifest("shop", "1.0.0")).unwrap();
    }
    std::thread::scope(|scope| {
        for version in &versions {
            scope.spawn(|| said(&app, ["apply", version]));
        }
    });
    assert_eq!(states(&app), [state("shop", "running", 9)]);
    let apps = &get(&socket(&app), "/v1/apps?app=shop")["apps"][0];
    let kept: Vec<u64> =
        apps["generations"].as_array().unwrap().iter().map(|kept| kept["generation"].as_u64().unwrap()).collect();
    assert_eq!(kept, (1..=9).rev().collect::<Vec<_>>());
    assert!(versions.contains(&server.get("/shop/files/version").text()));
    until("nothing is changed any more", || (states(&app) == [state("shop", "running", 9)]).then_some(()));
    assert_eq!(get(&socket(&app), "/v1/apps?app=blog")["error"]["code"], json!("no-such-app"));
}

/// What is served is what was applied, before the host is started again and after.
#[test]
fn what_runs_is_what_was_applied() {
    let app = apps(&["shop"]);
    let server = host(&app);
    said(&app, ["apply", "shop", "shop/hello.wasm"]);
    let app = app.file("shop/public/version", "2.0.0");
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    fs::remove_dir_all(app.join("shop")).unwrap();
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    assert_eq!(said(&app, ["stop", "hello"]), "default/hello stopped\n");
    assert_eq!(said(&app, ["start", "hello"]), "default/hello started (generation 1)\n");
    assert!(server.stop().is_ok());
    let server = host(&app);
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    assert_eq!(server.get("/any").text(), "Hello from Wattle\n", "of a component without a manifest");
    assert_eq!(states(&app), [state("hello", "running", 1), state("shop", "running", 1)]);
}

/// Components and apps out of a registry run again without it.
#[test]
fn out_of_a_registry() {
    let Some(registry) = Registry::start() else { return };
    let app = apps(&["shop"]);
    let [cart, shop] = ["acme/cart:1.0", "acme/shop:1.0"].map(|name| format!("{}/{name}", registry.authority()));
    said(&app, ["push", "shop/hello.wasm", &cart]);
    said(&app, ["push", "shop", &shop]);
    let server = host(&app);
    assert_eq!(
        said(&app, ["apply", &cart, &shop]),
        "default/cart started (generation 1)\ndefault/shop started (generation 1)\n"
    );
    drop(registry);
    server.kill();
    let server = host(&app);
    assert_eq!(states(&app), [state("cart", "asleep", 1), state("shop", "asleep", 1)]);
    assert_eq!(server.get("/any").text(), "Hello from Wattle\n");
    assert_eq!(server.get("/shop/files/version").text(), "1.0.0");
    assert_eq!(states(&app), [state("cart", "running", 1), state("shop", "running", 1)]);
    assert_eq!(said(&app, ["stop", "cart"]), "default/cart stopped\n");
    assert_eq!(said(&app, ["start", "cart"]), "default/cart started (generation 1)\n");
    assert!(said(&app, ["describe", "cart"]).contains("/acme/cart:1.0"));
}

/// What cannot be written down does not run.
#[test]
fn nothing_runs_that_is_not_remembered() {
    let app = apps(&["shop", "blog"]);
    let server = host(&app);
    said(&app, ["apply", "shop"]);
    let records = app.state_dir().join("wattle/apps");
    // Root may write anywhere: what is in the place of a draft is in its way.
    for name in ["shop", "blog"] {
        fs::create_dir(records.join(format!("default.{name}.json.new"))).unwrap();
    }
    let app = version(app, "shop", "2.0.0");
    for name in ["shop", "blog"] {
        let ran = run(&app, ["apply", name]);
        assert_eq!(ran.code, Some(3), "{ran}");
        assert!(ran.stderr.contains("cannot write") && ran.stderr.contains(&format!("default.{name}.json")), "{ran}");
    }
    assert_eq!(states(&app), [state("shop", "running", 1)]);
    assert_eq!((server.get("/shop/files/version").text(), server.get("/blog/").status()), ("1.0.0".into(), 404));
    for name in ["shop", "blog"] {
        fs::remove_dir(records.join(format!("default.{name}.json.new"))).unwrap();
    }
    assert_eq!(said(&app, ["apply", "shop"]), "default/shop updated (generation 2)\n");
    // A record that the host could not read is nobody's to replace.
    fs::write(records.join("default.blog.json"), "{").unwrap();
    let ran = run(&app, ["apply", "blog"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("is there, and cannot be read"), "{ran}");
}

/// Who asks again, or for what somebody else has changed meanwhile.
#[test]
fn asked_again() {
    let app = apps(&["shop"]);
    let _server = host(&app);
    let act = |key: &str, action: &Value| {
        let (key, body) =
            (if key.is_empty() { String::new() } else { format!("idempotency-key: {key}\r\n") }, action.to_string());
        let head = format!("POST /v1/actions HTTP/1.1\r\nhost: x\r\n{key}content-length: {}\r\n\r\n", body.len());
        let answer = exchange(&socket(&app), (head + &body).as_bytes());
        serde_json::from_str::<Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    let apply = json!({ "action": "apply", "source": app.join("shop") });
    let first = act("one", &apply);
    assert_eq!((&first["done"], &first["change"]), (&json!("applied"), &json!("started")));
    assert_eq!(act("one", &apply), first);
    assert_eq!(act("two", &apply)["change"], json!("unchanged"));
    let stop = |expected: u64| json!({ "action": "stop", "app": "shop", "expected": expected });
    assert_eq!(act("two", &stop(1))["error"]["code"], json!("key-reused"));
    assert_eq!(act("a b", &stop(1))["error"]["code"], json!("bad-request"));
    for action in ["stop", "start", "remove", "rollback"] {
        let refused = act("", &json!({ "action": action, "app": "shop", "expected": 2 }));
        assert_eq!(refused["error"]["message"], json!("the app `default/shop` is at generation 1, and not at 2"));
    }
    assert_eq!(states(&app), [state("shop", "running", 1)]);
    assert_eq!(act("three", &stop(1))["done"], json!("stopped"));
    said(&app, ["start", "shop"]);
    assert_eq!(act("three", &stop(1))["done"], json!("stopped"), "what came of the first");
    assert_eq!(states(&app), [state("shop", "running", 1)]);
}

/// Somebody who stops an app does not wait until an update of it has failed.
#[test]
fn stopped_in_an_update() {
    let sick = "[health]\npath = \"/shop/files/none\"\ntimeout = \"60s\"\n";
    let app = apps(&["shop"]);
    let server = host(&app);
    said(&app, ["apply", "shop"]);
    let app = app.file(
        "shop/wattle.toml",
        manifest("shop", "2.0.0").replace("[components.web]", &format!("{sick}[components.web]")),
    );
    std::thread::scope(|scope| {
        let applied = scope.spawn(|| run(&app, ["apply", "shop"]));
        until("it is updated", || (states(&app) == [state("shop", "updating", 1)]).then_some(()));
        assert_eq!(server.get("/shop/").status(), 200, "the one before serves");
        assert_eq!(said(&app, ["stop", "shop"]), "default/shop stopped\n");
        let applied = applied.join().unwrap();
        assert_eq!(applied.code, Some(1), "nothing that was given is wrong: {applied}");
    });
    assert_eq!(states(&app), [state("shop", "stopped", 1)]);
    let events = said(&app, ["events", "shop"]);
    let states: Vec<&str> =
        events.lines().filter_map(|line| line.split_once("default/shop: ")).map(|(_, said)| said).collect();
    assert_eq!(states.first(), Some(&"starting"), "{events}");
    assert!(states.contains(&"updating (generation 1)"), "{events}");
    assert!(!events.contains("goes on"), "{events}");
    assert_eq!(states.last(), Some(&"stopped (generation 1)"), "{events}");
    server.kill();
    let _server = host(&app);
    assert_eq!(said(&app, ["ps", "--json"]).matches("\"stopped\"").count(), 1);
}

/// A parent that has the sockets passes them on, as systemd does.
#[test]
fn sockets_of_a_parent() {
    let app = apps(&["shop"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let start = |listener: OwnedFd| {
        let passing = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" host --control host.sock";
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).env("XDG_STATE_HOME", app.state_dir());
        shell.current_dir(app.path()).args(["-c", passing]).arg(WATTLE.path()).stdin(listener);
        shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // It is bound, and nobody accepts: who connects now waits.
    let mut early = Connection::open(address);
    let mut host = start(listener.try_clone().unwrap().into());
    let said = until("it is told", || {
        let ran = WATTLE.run(&app, ["apply", "shop", "--control", "host.sock"]);
        ran.is_ok().then_some(ran.stdout)
    });
    assert_eq!(said, "default/shop started (generation 1)\n");
    assert_eq!(early.call("GET", "/shop/", b"").status(), 200);
    Process(host.id()).signal(Signal::Terminate);
    assert!(host.wait().unwrap().success());
    let mut url = String::new();
    host.stdout.take().unwrap().read_to_string(&mut url).unwrap();
    assert_eq!(url, format!("http://{address}\n"), "and no other");
    // What is no TCP socket that listens is refused.
    let other = std::os::unix::net::UnixStream::pair().unwrap().0;
    let refused = {
        let ended = start(other.into()).wait_with_output().unwrap();
        Ran {
            code: ended.status.code(),
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    };
    assert_eq!(refused.code, Some(3), "{refused}");
    assert!(refused.stderr.contains("cannot listen on socket 1 of those that were passed"), "{refused}");
}
