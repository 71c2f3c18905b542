//! Requests of a component to the routes of its own app, at `http://self`.

use wattle_testkit::{App, Response, Server, until};

use crate::WATTLE;

/// Both versions do the same.
const CALLERS: [&str; 2] = ["fetch", "fetch-p3"];

/// An app whose component `caller` may send to `allow`, beside others that answer: what comes back is what they answered.
fn app(caller: &str, allow: &str, more: &str) -> App {
    App::new(&format!(
        r#"
        name = "inside"
        [components.front]
        source = "{caller}.wasm"
        allow = {{ http = {allow} }}
        [components.echo]
        source = "echo.wasm"
        [components.misbehave]
        source = "misbehave.wasm"
        limits = {{ deadline = "1s" }}
        {more}
        [[triggers.http]]
        path = "/..."
        component = "front"
        [[triggers.http]]
        path = "/echo/..."
        host = "echo.example"
        component = "echo"
        [[triggers.http]]
        path = "/panic"
        component = "misbehave"
        [[triggers.http]]
        path = "/hang"
        component = "misbehave"
        [[triggers.http]]
        path = "/files/..."
        files = "public"
        "#
    ))
    .file("public/page.txt", "a page")
    .file("public/large", vec![b'x'; 3 << 20])
}

fn start(caller: &str) -> (App, Server) {
    let app = app(caller, r#"["http://self"]"#, "");
    let server = WATTLE.up(&app).start();
    (app, server)
}

fn send(server: &Server, method: &str, target: &str, body: &[u8]) -> Response {
    let mut connection = server.connect();
    connection.send(format!(
        "{method} / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    connection.send(body);
    connection.answer(method)
}

fn get(server: &Server, target: &str) -> String {
    send(server, "GET", target, b"").summary()
}

#[test]
fn answers_of_the_own_routes() {
    for caller in CALLERS {
        let (_app, server) = start(caller);
        let body = vec![b'x'; 10_000];
        let echoed = send(&server, "POST", "http://self/echo/", &body);
        assert_eq!((echoed.status(), echoed.body == body), (200, true));
        assert!(echoed.header("x-request-id").is_some());
        let seen = send(&server, "GET", "http://self/echo/a%20b?c=d", b"").json();
        assert_eq!(seen["path_with_query"], "/echo/a%20b?c=d");
        assert_eq!((&seen["scheme"], &seen["authority"]), (&"http".into(), &"self".into()));
        assert_eq!(get(&server, "http://SELF/files/page.txt"), "200 a page");
        assert_eq!(send(&server, "GET", "http://self/files/large", b"").body.len(), 3 << 20);
        assert_eq!(send(&server, "HEAD", "http://self/files/page.txt", b"").summary(), "200 ");
        assert_eq!(get(&server, "http://self/"), "502 no header x-target");
    }
}

/// Whoever asks gets the answer that a client from outside would have got.
#[test]
fn failures_of_the_own_routes() {
    for caller in CALLERS {
        let (_app, server) = start(caller);
        let code = |target: &str| {
            let answer = send(&server, "GET", target, b"");
            format!("{} {}", answer.status(), answer.json()["error"]["code"].as_str().unwrap_or_default())
        };
        assert_eq!(code("http://self/files/none"), "404 no-file");
        assert_eq!(code("http://self/%zz"), "400 bad-request");
        assert_eq!(code("http://self/panic"), "500 guest-trap");
        assert_eq!(code("http://self/hang"), "504 deadline");
        assert!(server.log.text().contains("default/inside/misbehave"), "{}", server.log.text());
    }
}

/// The only connection is that of the client.
#[test]
fn no_socket() {
    for caller in CALLERS {
        let (_app, server) = start(caller);
        let mut client = server.connect();
        assert_eq!(client.call("GET", "/files/page.txt", b"").summary(), "200 a page");
        let before = server.process().open_files();
        client.send("GET / HTTP/1.1\r\nhost: a\r\nx-target: http://self/files/page.txt\r\n\r\n");
        assert_eq!(client.answer("GET").summary(), "200 a page");
        // A connection to itself would be kept; the file is closed when the answer is out.
        until("only the client is connected", || (server.process().open_files() <= before).then_some(()));
    }
}

/// Only who may say so: `http://self` is written out, a wildcard is the world outside.
#[test]
fn who_may_ask() {
    for caller in CALLERS {
        for allow in ["[]", r#"["http://*"]"#, r#"["https://*", "http://*:*"]"#] {
            let app = app(caller, allow, "");
            let server = WATTLE.up(&app).start();
            assert_eq!(send(&server, "GET", "http://self/echo/", b"").status(), 502, "{allow}");
            let refused = || server.log.text().contains("the request to http://self was refused").then_some(());
            until("the log says why", refused);
        }
        let (_app, server) = start(caller);
        for target in ["https://self/echo/", "http://self:81/echo/", "http://a.self/echo/"] {
            assert_eq!(send(&server, "GET", target, b"").status(), 502, "{target}");
        }
    }
}

#[test]
fn written_in_another_way() {
    for origin in ["https://self", "http://self:8080", "http://self:*"] {
        let ran = WATTLE.run(&app("fetch", &format!("[{origin:?}]"), ""), ["check"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(ran.stderr.contains("the app itself is `http://self`, without a port"), "{}", ran.stderr);
    }
}

/// A request inside takes a place of the app like any other, and does not wait for one for ever.
#[test]
fn places() {
    for caller in CALLERS {
        let app = app(caller, r#"["http://self"]"#, "[limits]\nconcurrent-requests = 1\nqueue-time = \"100ms\"");
        let server = WATTLE.up(&app).start();
        let answer = send(&server, "GET", "http://self/echo/", b"");
        assert_eq!((answer.status(), answer.json()["error"]["code"].as_str()), (503, Some("no-capacity")));
    }
}
