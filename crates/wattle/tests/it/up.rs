//! `wattle up`: what it takes, where it listens, and what keeps it from starting.

use std::net::TcpListener;
use std::path::Path;

use wattle_testkit::{App, guests};

use crate::WATTLE;

/// A component that answers requests by saying nothing.
const SILENT: &str = r#"(component
  (import "wasi:http/types@0.2.0" (instance $http
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $http "incoming-request" (type $incoming-request))
  (alias export $http "response-outparam" (type $response-outparam))
  (core module $program
    (func (export "handle") (param i32 i32))
    (;START;))
  (core instance $program (instantiate $program))
  (func $handle
    (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $program "handle")))
  (instance $export (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $export)))
"#;

/// What `up PATH` answers to `GET /`.
fn check(app: &App, path: &str, expected: &str) {
    let server = WATTLE.up(app).path(path).start();
    assert_eq!(server.get("/").summary(), expected, "{path}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn every_kind_of_path() {
    let hello = "200 Hello from Wattle";
    let app = App::of(&guests::hello(), "").guest(&guests::hello_p3()).file("silent.wat", SILENT);
    check(&app, ".", hello);
    check(&app, "wattle.toml", hello);
    check(&app, app.path().to_str().unwrap(), hello);
    check(&app, "hello.wasm", hello);
    check(&app, "hello-p3.wasm", hello);
    check(&app, "silent.wat", "502 no-answer");
}

/// The URL is all that stands on stdout, and the first thing that is said at all when nothing has to be compiled.
#[test]
fn the_url_comes_first() {
    let app = App::of(&guests::hello(), "");
    WATTLE.up(&app).start().stop();
    let server = WATTLE.up(&app).start();
    let url = format!("http://{}\n", server.address());
    assert_eq!(server.log.text(), "");
    assert_eq!(server.stop().stdout, url);
}

#[test]
fn several_addresses() {
    let app = App::of(&guests::hello(), "");
    let server =
        WATTLE.up(&app).args(["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--listen", "[::1]:0"]).start();
    let hosts: Vec<String> = server.addresses().iter().map(|address| address.ip().to_string()).collect();
    assert_eq!(hosts, ["127.0.0.1", "127.0.0.2", "::1"]);
    for address in server.addresses() {
        let answer = wattle_testkit::Connection::open(*address).call("GET", "/", b"");
        assert_eq!(answer.summary(), "200 Hello from Wattle", "{address}");
    }
}

/// `listen` of the host's file counts unless the command line says otherwise.
#[test]
fn addresses_of_the_host_file() {
    let app = App::of(&guests::hello(), "").file("host.toml", "listen = [\"127.0.0.3:0\"]\n");
    let from_file =
        WATTLE.command(&app).args(["up", "--config", "host.toml"]).stdout(std::process::Stdio::piped()).spawn();
    let mut child = from_file.unwrap();
    let lines = wattle_testkit::output::Lines::collect(child.stdout.take().unwrap());
    let url = lines.find(wattle_testkit::PATIENCE, |line| line.starts_with("http://"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(url.is_some_and(|url| url.starts_with("http://127.0.0.3:")));
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    assert_eq!(server.address().ip().to_string(), "127.0.0.1");
}

#[test]
fn environment() {
    let app = App::of(&guests::state(), "env = { COLOUR = \"red\", SIZE = \"small\" }");
    let server = WATTLE.up(&app).args(["--env", "SIZE=large", "--env", "EMPTY="]).env("HOME", "/nowhere").start();
    let told = server.get("/env").json();
    let expected = serde_json::json!({ "COLOUR": "red", "SIZE": "large", "EMPTY": "" });
    assert_eq!(told["environment"], expected);
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = WATTLE.up(&App::of(&guests::hello(), "")).args(["--listen", &address]).refused();
    insta::assert_snapshot!(ran, @r"
    exit: 3
    ----- stderr
    error: cannot listen on 127.0.0.1:PORT
      caused by: Address already in use (os error 98)
    hint: another program listens there; try `--listen 127.0.0.1:0` for a free port
    ");
}

/// Nobody else is to blame for that.
#[test]
fn an_address_that_is_given_twice() {
    let app = App::of(&guests::hello(), "").file("host.toml", "listen = [\"127.0.0.1:9\", \"127.0.0.1:9\"]\n");
    let twice = ["up", "--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9"];
    insta::assert_snapshot!(WATTLE.run(&app, twice), @"
    exit: 2
    ----- stderr
    error: the address 127.0.0.1:PORT is given twice
    hint: give each address once
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["up", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: the address 127.0.0.1:PORT is there twice
     --> host.toml:1:26
      |
    1 | listen = ["127.0.0.1:PORT", "127.0.0.1:PORT"]
      |           -------------  ^^^^^^^^^^^^^
      |           |
      |           the first is here
      |
      = hint: remove one of the two
    "#);
}

/// The port is refused also where the other is one of ours.
#[test]
fn two_servers_on_one_port() {
    let (one, other) = (App::of(&guests::hello(), ""), App::of(&guests::hello(), ""));
    let first = WATTLE.up(&one).start();
    let second = WATTLE.up(&other).args(["--listen", &first.address().to_string()]).refused();
    assert_eq!((second.code, second.stdout.as_str()), (Some(3), ""));
    assert_eq!(first.get("/").status(), 200);
}

#[test]
fn an_address_that_is_not_ours() {
    let ran = WATTLE.up(&App::of(&guests::hello(), "")).args(["--listen", "192.0.2.1:0"]).refused();
    insta::assert_snapshot!(ran, @"
    exit: 3
    ----- stderr
    error: cannot listen on 192.0.2.1:0
      caused by: Cannot assign requested address (os error 99)
    hint: this machine does not have that address; 0.0.0.0 stands for all that it has
    ");
}

#[test]
fn what_check_refuses_up_refuses() {
    let manifests = ["name = \"a\"\n[components.x]\nsource = \"no-such.wasm\"\n", "name = 1\n", ""];
    for manifest in manifests {
        let app = App::new(manifest);
        let (checked, ran) = (WATTLE.run(&app, ["check"]), WATTLE.up(&app).refused());
        assert_eq!(ran.to_string(), checked.to_string());
        assert!(!app.data_dir().exists(), "a refused app leaves a data directory");
    }
}

/// A component that starts badly is refused before anybody is served.
#[test]
fn a_component_that_cannot_start() {
    let text = SILENT.replace("(;START;)", "(func $start unreachable) (start $start)");
    let ran = WATTLE.up(&App::empty().file("bad.wat", text)).path("bad.wat").refused();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("component bad fails when it is started"), "{}", ran.stderr);
    assert!(ran.stderr.contains("unreachable"), "{}", ran.stderr);
}

#[test]
fn a_component_that_needs_more_than_its_limit() {
    let app = App::of(&guests::hello(), "limits = { memory = \"64KiB\" }");
    let ran = WATTLE.up(&app).refused();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("limit memory"), "{}", ran.stderr);
}

/// Both halves of the README's first command.
#[test]
fn the_guestbook_example() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guestbook");
    let app = App::empty();
    let data = app.join("data");
    let up = || WATTLE.up(&app).path(&example).args([std::ffi::OsStr::new("--data-dir"), data.as_os_str()]).start();
    let server = up();
    let signed = server.call("POST", "/api/entries", r#"{ "name": "Ada", "text": "Hello <b>there</b>" }"#);
    assert_eq!(signed.status(), 415, "no content type was sent");
    let body = r#"{ "name": "Ada", "text": "Hello <b>there</b>" }"#;
    let signed = server.connect().raw(format!(
        "POST /api/entries HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(signed.status(), 201);
    server.stop();
    let server = up();
    let entries = server.get("/api/entries").json();
    assert_eq!((&entries[0]["name"], &entries[0]["text"]), (&"Ada".into(), &"Hello <b>there</b>".into()));
    let page = server.get("/").text();
    assert!(page.contains("Ada") && page.contains("&lt;b&gt;") && !page.contains("<b>there"), "{page}");
}
