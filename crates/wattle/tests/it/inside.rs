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
        assert!(
            ran.stderr.contains("the app itself is `http://self`: without TLS, and without a port"),
            "{}",
            ran.stderr
        );
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

/// With the fields `more`, to `target`.
fn ask(server: &Server, target: &str, more: &str) -> Response {
    let mut connection = server.connect();
    connection.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\n{more}\r\n"));
    connection.answer("GET")
}

/// An instance of WASI 0.3 that does nothing else while it waits for an answer of its own component gets that from another.
#[test]
fn an_instance_that_waits_for_itself() {
    let (_app, server) = start("fetch-p3");
    for _ in 0..3 {
        assert_eq!(ask(&server, "http://self/", "x-block: 1\r\n").summary(), "502 no header x-target");
    }
}

/// An app that asks itself without end is told so, and holds nothing afterwards.
#[test]
fn without_end() {
    for caller in CALLERS {
        let app = app(caller, r#"["http://self"]"#, "[limits]\nconcurrent-requests = 33");
        let server = WATTLE.up(&app).start();
        for _ in 0..3 {
            let answer = ask(&server, "http://self/", "x-again: 1\r\n").summary();
            assert_eq!(answer, "502 ErrorCode::LoopDetected", "{caller}");
        }
        server.log.wait_for("why", |line| line.contains("32 requests of the app to itself led to it, one to the next"));
        assert_eq!(get(&server, "http://self/files/page.txt"), "200 a page");
    }
}

/// Who holds a place waits for no other one: what holds it could wait for the same.
#[test]
fn places_are_not_waited_for() {
    for caller in CALLERS {
        for limit in ["concurrent-requests", "outgoing-requests"] {
            let more = format!("[limits]\n{limit} = 3\nqueue-time = \"1m\"");
            let app = app(caller, r#"["http://self"]"#, &more);
            let server = WATTLE.up(&app).start();
            let answer = ask(&server, "http://self/", "x-again: 1\r\n");
            assert!(matches!(answer.status(), 502 | 503), "{limit}: {}", answer.summary());
        }
    }
}

/// What nobody reads of an answer keeps its places until a deadline, however long who asked lives.
#[test]
fn answers_that_nobody_reads() {
    let check = |target: &str, how: &str, deadlines: [&str; 2]| {
        let [asks, answers] = deadlines;
        let app = App::new(&format!(
            r#"
            name = "inside"
            [limits]
            concurrent-requests = 2
            queue-time = "10ms"
            [components.front]
            source = "fetch-p3.wasm"
            allow = {{ http = ["http://self"] }}
            limits = {{ deadline = "{asks}" }}
            [components.echo]
            source = "echo-p3.wasm"
            limits = {{ deadline = "{answers}" }}
            [[triggers.http]]
            path = "/..."
            component = "front"
            [[triggers.http]]
            path = "/echo/..."
            component = "echo"
            [[triggers.http]]
            path = "/files/..."
            files = "public"
            "#
        ))
        .file("public/large", vec![b'x'; 3 << 20])
        .file("host.toml", "limits = { body-timeout = \"1s\" }");
        let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
        assert_eq!(ask(&server, target, &format!("x-leave: {how}\r\n")).summary(), "502 left");
        until("there is a place", || (send(&server, "GET", "http://self/echo/", b"").status() == 200).then_some(()));
    };
    check("http://self/echo/", "at once", ["30s", "500ms"]);
    check("http://self/files/large", "at once", ["500ms", "30s"]);
    check("http://self/files/large", "begun", ["30s", "30s"]);
}

/// Nobody inside is a proxy that may say for whom it asks.
#[test]
fn who_is_no_proxy() {
    let (_app, server) = start("fetch-p3");
    let seen = ask(&server, "http://self/echo/", "x-forge: 1\r\naccept: text/plain\r\n").json();
    let fields: Vec<_> = seen["headers"].as_array().unwrap().iter().filter_map(|field| field[0].as_str()).collect();
    assert!(fields.contains(&"accept") && !fields.contains(&"x-forwarded-for"), "{seen}");
}

/// What a host takes from outside is what it takes inside.
#[test]
fn limits_of_a_head() {
    let app = app("fetch", r#"["http://self"]"#, "").file("host.toml", "limits = { header-bytes = \"24KiB\" }");
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let told = |path: &str, more: &str| {
        let answer = ask(&server, &format!("http://self/echo/{path}"), more);
        let error = answer.status() != 200;
        (answer.status(), error.then(|| answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()))
    };
    assert_eq!(told("", "x-fields: 90\r\n"), (200, None));
    assert_eq!(told("", "x-fields: 101\r\n"), (431, Some("head-too-large".to_owned())));
    assert_eq!(told(&"x".repeat(9_000), ""), (414, Some("path-too-long".to_owned())));
}

/// The log says which request sent one inside.
#[test]
fn who_sent_it() {
    for caller in CALLERS {
        let app = app(caller, r#"["http://self"]"#, "");
        let server = WATTLE.up(&app).args(["--log-format", "json", "--access-log"]).start();
        let outer = send(&server, "GET", "http://self/panic", b"");
        let inner = outer.header("x-request-id").expect("every answer has one").to_owned();
        let line = |what: &str, path: &str| {
            server.log.wait_for_json(what, |line| line["target"] == "access" && line["path"] == path)
        };
        let (inside, outside) = (line("the one inside", "/panic"), line("the one from outside", "/"));
        assert_eq!(inside["sent_by"], outside["request"]);
        assert_eq!(outside["sent_by"], serde_json::Value::Null);
        let sender = outside["request"].as_str().expect("an id");
        server.log.wait_for("its failure", |line| line.contains(&format!("(sent by {sender})")));
        assert!([inside["request"].as_str(), outside["request"].as_str()].contains(&Some(inner.as_str())));
    }
}
