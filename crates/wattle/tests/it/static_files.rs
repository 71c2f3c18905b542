//! Folders that are served: what a browser needs of them, and nothing of what lies beside them.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use http::Request;
use serde_json::Value;
use wattle_testkit::{App, End, Http2, Response, Server, until};

use crate::WATTLE;

const MANIFEST: &str = r#"name = "site"
[components.hello]
source = "hello.wasm"
[[triggers.http]]
path = "/api/..."
component = "hello"
[[triggers.http]]
path = "/assets/..."
files = "public"
"#;

/// A component at `/api`, and below `/assets` a folder with a few files.
fn site() -> App {
    App::new(MANIFEST)
        .file("public/a.txt", "0123456789")
        .file("public/logo.PNG", "png")
        .file("public/with space.html", "<p>")
        .file("public/empty.css", "")
        .file("public/docs/index.html", "the index")
        .file("public/bare/c.txt", "c")
        .file("public/.env", "secret")
        .file("public/.git/config", "secret")
        .file("public/bare/.htpasswd", "secret")
        .file("secret.txt", "secret")
}

/// An answer to a request with header fields, on a connection of its own.
fn asked(server: &Server, method: &str, target: &str, fields: &str) -> Response {
    let mut connection = server.connect();
    connection.send(format!("{method} {target} HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
    connection.answer(method)
}

fn header(response: &Response, name: &str) -> String {
    response.header(name).unwrap_or_default().to_owned()
}

#[test]
fn files_beside_a_component() {
    let app = site();
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/api/x").status(), 200);
    for (target, media_type, body) in [
        ("/assets/a.txt", "text/plain; charset=utf-8", "0123456789"),
        ("/assets/a.txt?v=1", "text/plain; charset=utf-8", "0123456789"),
        ("/assets/logo.PNG", "image/png", "png"),
        ("/assets/with%20space.html", "text/html; charset=utf-8", "<p>"),
        ("/assets/empty.css", "text/css; charset=utf-8", ""),
        ("/assets/docs/", "text/html; charset=utf-8", "the index"),
        ("/assets/docs/index.html", "text/html; charset=utf-8", "the index"),
    ] {
        let answer = server.get(target);
        assert_eq!(answer.summary(), format!("200 {body}"), "{target}");
        assert_eq!(header(&answer, "content-type"), media_type, "{target}");
        assert_eq!(header(&answer, "content-length"), body.len().to_string(), "{target}");
        assert_eq!(header(&answer, "accept-ranges"), "bytes", "{target}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{target}");
        assert!(!header(&answer, "x-request-id").is_empty(), "{target}");
        let head = server.call("HEAD", target, "");
        let but_id = |answer: &Response| {
            let fields = answer.head.headers.iter().filter(|(name, _)| !matches!(&**name, "x-request-id" | "date"));
            fields.cloned().collect::<Vec<_>>()
        };
        assert_eq!((head.status(), but_id(&head), head.text()), (200, but_id(&answer), String::new()), "{target}");
    }
}

#[test]
fn directories() {
    let app = site();
    let server = WATTLE.up(&app).start();
    for (target, location) in [
        ("/assets", "/assets/"),
        ("/assets/docs", "/assets/docs/"),
        ("/assets/docs?a=b", "/assets/docs/?a=b"),
        ("/assets/%64ocs", "/assets/docs/"),
    ] {
        let answer = server.get(target);
        assert_eq!((answer.status(), header(&answer, "location").as_str()), (301, location), "{target}");
    }
    for target in ["/assets/", "/assets/bare/", "/assets/a.txt/", "/assets/docs/index.html/"] {
        assert_eq!(server.get(target).summary(), "404 no-file", "{target}");
    }
}

/// What is not there, what is hidden, what is no file, and what is another spelling of them: nobody gets in or waits.
#[test]
fn nothing_else_is_served() {
    let app = site();
    symlink("../secret.txt", app.join("public/out")).unwrap();
    symlink("..", app.join("public/up")).unwrap();
    symlink("/etc/passwd", app.join("public/passwd")).unwrap();
    symlink("/dev/zero", app.join("public/zero")).unwrap();
    symlink("loop", app.join("public/loop")).unwrap();
    symlink("bare/c.txt", app.join("public/alias.txt")).unwrap();
    assert!(Command::new("mkfifo").arg(app.join("public/pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(app.join("public/socket")).unwrap();
    let server = WATTLE.up(&app).start();
    let long = format!("/assets/{}", "a".repeat(300));
    for target in [
        "/assets/none",
        "/assets/a.txt/b",
        "/assets//a.txt",
        "/assets//",
        "/assets/.env",
        "/assets/%2Eenv",
        "/assets/.git/config",
        "/assets/bare/.htpasswd",
        "/assets/out",
        "/assets/up/secret.txt",
        "/assets/up/",
        "/assets/passwd",
        "/assets/zero",
        "/assets/loop",
        "/assets/pipe",
        "/assets/socket",
        "/assets/%252e%252e/secret.txt",
        "/assets/%FF",
        &long,
    ] {
        assert_eq!(server.get(target).summary(), "404 no-file", "{target}");
    }
    for target in [
        "/assets/../secret.txt",
        "/assets/%2e%2e/secret.txt",
        "/assets/..%2fsecret.txt",
        "/assets/..%5csecret.txt",
        "/assets/a.txt%00",
        "/assets/a.txt%2",
    ] {
        assert_eq!(server.get(target).summary(), "400 bad-request", "{target}");
    }
    assert_eq!(server.get("/assets/alias.txt").summary(), "200 c");
    assert_eq!(server.get("/assetsa.txt").summary(), "404 no-route");
}

#[test]
fn methods() {
    let app = site();
    let server = WATTLE.up(&app).start();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let answer = server.call(method, "/assets/a.txt", "");
        assert_eq!(answer.summary(), "405 method-not-allowed", "{method}");
        assert_eq!(header(&answer, "allow"), "GET, HEAD", "{method}");
    }
    // What a request carries is of no use, and harms nobody.
    let mut connection = server.connect();
    assert_eq!(connection.call("POST", "/assets/a.txt", b"body").status(), 405);
    assert_eq!(server.call("GET", "/assets/a.txt", "body").summary(), "200 0123456789");
    assert_eq!(fs::read_to_string(app.join("public/a.txt")).unwrap(), "0123456789");
}

#[test]
fn what_a_client_has_already() {
    let app = site();
    let server = WATTLE.up(&app).start();
    let first = server.get("/assets/a.txt");
    let (etag, date) = (header(&first, "etag"), header(&first, "last-modified"));
    let get = |fields: &str| asked(&server, "GET", "/assets/a.txt", fields);
    for fields in [
        format!("if-none-match: {etag}\r\n"),
        format!("if-none-match: \"x\", W/{etag}\r\n"),
        "if-none-match: *\r\n".into(),
        format!("if-modified-since: {date}\r\n"),
        format!("if-none-match: {etag}\r\nrange: bytes=0-1\r\n"),
    ] {
        let answer = get(&fields);
        assert_eq!((answer.summary().as_str(), header(&answer, "etag")), ("304 ", etag.clone()), "{fields}");
    }
    assert_eq!(get("if-none-match: \"x\"\r\n").status(), 200);
    assert_eq!(get("if-modified-since: Fri, 13 Feb 2009 23:31:30 GMT\r\n").status(), 200);
    assert_eq!(get("if-match: \"x\"\r\n").summary(), "412 precondition-failed");
    // The same length at another time is another state.
    fs::write(app.join("public/new.txt"), "9876543210").unwrap();
    fs::rename(app.join("public/new.txt"), app.join("public/a.txt")).unwrap();
    let changed = get(&format!("if-none-match: {etag}\r\n"));
    assert_eq!(changed.summary(), "200 9876543210");
    assert_ne!(header(&changed, "etag"), etag);
}

#[test]
fn ranges() {
    let app = site();
    let server = WATTLE.up(&app).start();
    let get = |fields: &str| asked(&server, "GET", "/assets/a.txt", fields);
    let first = get("");
    let (etag, date) = (header(&first, "etag"), header(&first, "last-modified"));
    for (range, body, part) in
        [("0-3", "0123", "0-3"), ("4-", "456789", "4-9"), ("-2", "89", "8-9"), ("8-99", "89", "8-9")]
    {
        let answer = get(&format!("range: bytes={range}\r\n"));
        assert_eq!(answer.summary(), format!("206 {body}"), "{range}");
        assert_eq!(header(&answer, "content-range"), format!("bytes {part}/10"), "{range}");
        assert_eq!(header(&answer, "content-length"), body.len().to_string(), "{range}");
    }
    for range in ["10-", "-0"] {
        let answer = get(&format!("range: bytes={range}\r\n"));
        assert_eq!(answer.summary(), "416 no-such-range", "{range}");
        assert_eq!(header(&answer, "content-range"), "bytes */10", "{range}");
    }
    for fields in ["range: bytes=0-1,4-5\r\n", "range: bytes=5-2\r\n", "range: lines=1-2\r\n"] {
        assert_eq!(get(fields).summary(), "200 0123456789", "{fields}");
    }
    for condition in [&etag, &date] {
        assert_eq!(get(&format!("if-range: {condition}\r\nrange: bytes=0-1\r\n")).summary(), "206 01");
    }
    for condition in ["\"x\"", "Fri, 13 Feb 2009 23:31:30 GMT"] {
        let answer = get(&format!("if-range: {condition}\r\nrange: bytes=0-1\r\n"));
        assert_eq!(answer.summary(), "200 0123456789", "{condition}");
    }
    let head = asked(&server, "HEAD", "/assets/a.txt", "range: bytes=0-1\r\n");
    assert_eq!((head.status(), header(&head, "content-length").as_str()), (200, "10"));
}

#[test]
fn over_http2() {
    let app = site();
    let server = WATTLE.up(&app).start();
    let mut client = Http2::open(server.address());
    let whole = client.call("GET", "/assets/a.txt", b"");
    assert_eq!(whole.summary(), "200 0123456789");
    let part = client.call_with(Request::builder().header("range", "bytes=2-4"), "/assets/a.txt", b"");
    assert_eq!((part.summary().as_str(), part.header("content-range")), ("206 234", Some("bytes 2-4/10")));
    let known = Request::builder().header("if-none-match", header(&whole, "etag"));
    assert_eq!(client.call_with(known, "/assets/a.txt", b"").summary(), "304 ");
    let head = client.call("HEAD", "/assets/a.txt", b"");
    assert_eq!((head.summary().as_str(), head.header("content-length")), ("200 ", Some("10")));
    assert_eq!(client.call("GET", "/assets/.env", b"").summary(), "404 no-file");
    assert_eq!(client.call("DELETE", "/assets/a.txt", b"").summary(), "405 method-not-allowed");
    assert_eq!(client.call("GET", "/api/x", b"").status(), 200);
}

/// A file of so many bytes, without taking the room for them.
fn large(path: &Path, length: u64) {
    File::create(path).and_then(|file| file.set_len(length)).unwrap();
}

const LARGE: u64 = 32 << 20;

/// A large file passes in pieces.
#[test]
fn a_large_file() {
    let app = site();
    large(&app.join("public/large.bin"), LARGE);
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/assets/a.txt").status(), 200);
    let before = server.process().resident_bytes();
    let mut connection = server.connect();
    connection.request("GET", "/assets/large.bin", b"");
    let head = connection.head().unwrap();
    let (mut length, mut most) = (0, 0);
    let (end, _) = connection.body(&head, "GET", |piece| {
        length += piece.len() as u64;
        most = most.max(server.process().resident_bytes());
    });
    assert_eq!((end, length), (End::Complete, LARGE));
    let answer = Http2::open(server.address()).call("GET", "/assets/large.bin", b"");
    assert_eq!((answer.end, answer.body.len() as u64), (End::Complete, LARGE));
    let most = most.max(server.process().resident_bytes());
    assert!(most < before + (16 << 20), "{before} bytes before, {most} at most");
}

/// A file that becomes shorter while it is sent is cut, and does not look whole.
#[test]
fn a_file_that_shrinks() {
    let app = site();
    let path = app.join("public/large.bin");
    large(&path, LARGE);
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.request("GET", "/assets/large.bin", b"");
    let head = connection.head().unwrap();
    File::options().write(true).open(&path).and_then(|file| file.set_len(1)).unwrap();
    let (end, _) = connection.body(&head, "GET", |_| {});
    assert_eq!(end, End::Cut);
    assert_eq!(server.get("/assets/a.txt").status(), 200);
}

/// Who takes nothing of a file loses the connection, and gives its place back.
#[test]
fn a_slow_client() {
    let manifest = format!("{MANIFEST}\n[limits]\nconcurrent-requests = 1\nqueue-time = \"10ms\"\n");
    let app = site().file("wattle.toml", manifest).file("host.toml", "[limits]\nbody-timeout = \"1s\"\n");
    large(&app.join("public/large.bin"), LARGE);
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let mut slow = server.connect();
    slow.request("GET", "/assets/large.bin", b"");
    assert_eq!(slow.head().unwrap().status, 200);
    assert_eq!(server.get("/assets/a.txt").summary(), "503 no-capacity");
    until("the place is free", || (server.get("/assets/a.txt").status() == 200).then_some(()));
}

/// A folder may be replaced as a whole while it is served; while it is away there are no files.
#[test]
fn a_folder_that_is_replaced() {
    let app = site();
    let server = WATTLE.up(&app).start();
    fs::rename(app.join("public"), app.join("old")).unwrap();
    assert_eq!(server.get("/assets/a.txt").summary(), "404 no-file");
    let app = app.file("public/a.txt", "new");
    assert_eq!(server.get("/assets/a.txt").summary(), "200 new");
    drop(app);
}

#[test]
fn the_access_log() {
    let app = site();
    let server = WATTLE.up(&app).args(["--access-log", "--log-format", "json"]).start();
    assert_eq!(server.get("/assets/a.txt").status(), 200);
    let entry = until("a line of the access log", || {
        let log = server.log.text();
        let mut entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.find(|entry| entry["target"] == "access")
    });
    let told = ["app", "component", "path", "status", "bytes"].map(|name| entry[name].to_string());
    assert_eq!(told.join(" "), r#""default/site" null "/assets/a.txt" 200 10"#);
}

#[test]
fn a_folder_that_is_missing() {
    let app = App::new(MANIFEST);
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: the route `/assets/...`: there is no folder DIR/public
     --> ./wattle.toml:9:9
      |
    9 | files = "public"
      |         ^^^^^^^^
      |
      = hint: make it, or correct the path
    "#);
    assert_eq!(WATTLE.up(&app).refused().code, Some(2));
    let app = app.file("public", "a file");
    assert_eq!(WATTLE.run(&app, ["check"]).code, Some(2));
}

#[test]
fn what_is_explained() {
    let app = site();
    insta::assert_snapshot!(WATTLE.run(&app, ["explain"]).stdout.lines().last().unwrap(), @"  /assets/...  DIR/public");
    let ran = WATTLE.run(&app, ["explain", "--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["files"][0]["route"], "/assets/...");
}
