//! HTTP in: routes, what a guest sees of a request, and connections that are used again.

use serde_json::{Value, json};
use wattle_testkit::{App, Connection, Server, guests, until};

use crate::WATTLE;

/// Components that say who they are are told apart by their answers: an echo for each route would not do.
const ROUTES: &str = r#"name = "routes"
[components.hello]
source = "hello.wasm"
[components.echo]
source = "echo.wasm"
[components.misbehave]
source = "misbehave.wasm"
[[triggers.http]]
path = "/shop"
component = "hello"
[[triggers.http]]
path = "/shop/..."
component = "misbehave"
[[triggers.http]]
path = "/shop/cart/..."
component = "echo"
[[triggers.http]]
host = "docs.example"
path = "/..."
component = "hello"
"#;

/// Who answers a `GET`.
fn who(server: &Server, host: &str, path: &str) -> &'static str {
    let answer = server.connect().host(host).call("GET", path, b"");
    match answer.summary() {
        summary if summary.starts_with("200 Hello") => "hello",
        summary if summary.starts_with("200 {\"authority\"") => "echo",
        summary if summary.starts_with("200 no misdeed") => "misbehave",
        summary if summary == "404 no-route" => "nobody",
        summary => panic!("{host}{path}: {summary}"),
    }
}

#[test]
fn routes() {
    let app = App::new(ROUTES);
    let server = WATTLE.up(&app).start();
    let check = |host: &str, path: &str, expected: &str| assert_eq!(who(&server, host, path), expected, "{host}{path}");
    check("docs.example", "/", "hello");
    check("docs.example", "/shop/x", "hello");
    check("docs.example:8080", "/shop/x", "hello");
    check("sub.docs.example", "/x", "nobody");
    check("a.example", "/shop", "hello");
    check("a.example", "/shop?query", "hello");
    check("a.example", "/shop/", "misbehave");
    check("a.example", "/shop/x", "misbehave");
    check("a.example", "/shop/cart", "echo");
    check("a.example", "/shop/cart/1", "echo");
    check("a.example", "/shop/carts", "misbehave");
    check("a.example", "/shop/%63art/1", "echo");
    check("a.example", "/", "nobody");
    check("a.example", "/shopping", "nobody");
    check("a.example", "/Shop", "nobody");
}

/// However a client spells the name of a host, it is the same host.
#[test]
fn spellings_of_a_host() {
    let app = App::new(ROUTES);
    let server = WATTLE.up(&app).start();
    for host in ["DOCS.example", "docs.EXAMPLE:8080", "docs.example."] {
        assert_eq!(who(&server, host, "/shop/x"), "hello", "{host}");
    }
}

#[test]
fn nobody_answers() {
    let app = App::new(ROUTES);
    let server = WATTLE.up(&app).start();
    let answer = server.get("/nowhere");
    let id = answer.header("x-request-id").unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let message = "no app answers this host and path";
    assert_eq!(answer.json(), json!({ "error": { "code": "no-route", "message": message, "request": id } }));
    assert_ne!(server.get("/nowhere").header("x-request-id"), Some(id));
    assert!(server.get("/shop").header("x-request-id").is_some(), "an answer of a component has no id");
}

/// What a guest sees of a request that is sent like this.
fn seen(server: &Server, request: &str) -> Value {
    let answer = server.connect().raw(request.replace('\n', "\r\n"));
    assert_eq!(answer.status(), 200, "{request}");
    answer.json()
}

/// Scheme, authority and path are the client's, in both versions of WASI.
#[test]
fn what_a_guest_sees() {
    for guest in [guests::echo(), guests::echo_p3()] {
        let app = App::of(&guest, "");
        let server = WATTLE.up(&app).start();
        let check = |request: &str, method: &str, authority: &str, path: &str| {
            let seen = seen(&server, request);
            assert_eq!(seen["scheme"], "http", "{request}");
            assert_eq!((&seen["method"], &seen["authority"]), (&method.into(), &authority.into()), "{request}");
            assert_eq!(seen["path_with_query"], path, "{request}");
        };
        check("GET / HTTP/1.1\nHost: a.example\n\n", "GET", "a.example", "/");
        check("GET /a/b?c=d&e HTTP/1.1\nHost: a.example:8080\n\n", "GET", "a.example:8080", "/a/b?c=d&e");
        check("GET /%41%20b/?x=%2F HTTP/1.1\nHost: a\n\n", "GET", "a", "/%41%20b/?x=%2F");
        check("GET //a//b HTTP/1.1\nHost: a\n\n", "GET", "a", "//a//b");
        check("GET http://a.example/x?y HTTP/1.1\nHost: a.example\n\n", "GET", "a.example", "/x?y");
        check("GET http://a.example HTTP/1.1\nHost: a.example\n\n", "GET", "a.example", "/");
        check("OPTIONS /x HTTP/1.1\nHost: a\n\n", "OPTIONS", "a", "/x");
        check("DELETE /x HTTP/1.1\nHost: [::1]:80\n\n", "DELETE", "[::1]:80", "/x");
        check("BREW /pot HTTP/1.1\nHost: a\n\n", "BREW", "a", "/pot");
        check("GET / HTTP/1.0\n\n", "GET", "localhost", "/");
    }
}

/// Header fields come in their order, repeated ones one by one; those of the connection stay outside.
#[test]
fn headers_that_a_guest_sees() {
    let request = "GET / HTTP/1.1\nHost: a\nX-Two: 1\nAccept: b\nX-Two: 2\nConnection: keep-alive, x-hop\nX-Hop: 1\nKeep-Alive: 5\nProxy: evil\n\n";
    for guest in [guests::echo(), guests::echo_p3()] {
        let app = App::of(&guest, "");
        let server = WATTLE.up(&app).start();
        let seen = seen(&server, request);
        let headers: Vec<(&str, &str)> = seen["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let two: Vec<_> = headers.iter().filter(|(name, _)| *name == "x-two").map(|(_, value)| *value).collect();
        assert_eq!(two, ["1", "2"]);
        assert!(headers.contains(&("accept", "b")));
        for hop in ["connection", "keep-alive", "host", "transfer-encoding"] {
            assert!(!headers.iter().any(|(name, _)| *name == hop), "the guest sees {hop}: {headers:?}");
        }
    }
}

#[test]
fn connections_are_kept() {
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    for _ in 0..50 {
        assert_eq!(connection.call("GET", "/", b"").summary(), "200 Hello from Wattle");
    }
    // An answer of ours does not cost the connection either.
    let app = App::new(ROUTES);
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    assert_eq!(connection.call("GET", "/none", b"").status(), 404);
    assert_eq!(connection.call("GET", "/shop", b"").status(), 200);
    assert_eq!(connection.raw("GET /shop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").status(), 200);
    assert!(connection.is_closed());
}

#[test]
fn requests_in_a_row() {
    let app = App::of(&guests::echo(), "");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    let post = |body: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.send((0..20).map(|number| post(&format!("number {number}"))).collect::<String>());
    for number in 0..20 {
        assert_eq!(connection.answer("POST").summary(), format!("200 number {number}"));
    }
}

/// Nobody sees the raw head of a chunked request right behind another one's body, so it is served and nothing after it.
#[test]
fn chunked_requests_in_a_row() {
    let app = App::of(&guests::echo(), "");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    let put = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    connection.send(put.repeat(3));
    assert_eq!(connection.answer("PUT").summary(), "200 body");
    let second = connection.answer("PUT");
    assert_eq!((second.summary().as_str(), second.header("connection")), ("200 body", Some("close")));
    assert!(connection.is_closed());
}

#[test]
fn head() {
    for guest in [guests::hello(), guests::hello_p3()] {
        let app = App::of(&guest, "");
        let server = WATTLE.up(&app).start();
        let mut connection = server.connect();
        for _ in 0..3 {
            let answer = connection.call("HEAD", "/", b"");
            assert_eq!((answer.status(), answer.body.len()), (200, 0));
            assert_eq!(connection.call("GET", "/", b"").summary(), "200 Hello from Wattle");
        }
    }
}

/// What an instance writes at once is known as a whole before its head goes out. On a busy machine it may be interrupted.
#[test]
fn short_answers_have_a_length() {
    for guest in [guests::hello(), guests::hello_p3()] {
        let app = App::of(&guest, "");
        let server = WATTLE.up(&app).start();
        let answer = until("an answer with its length", || {
            let answer = server.get("/");
            answer.header("content-length").is_some().then_some(answer)
        });
        assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (Some("18"), None));
        assert_eq!(answer.text(), "Hello from Wattle\n");
    }
}

#[test]
fn what_is_not_supported() {
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).start();
    let check = |request: &str, expected: &str| {
        let answer = server.connect().raw(request);
        assert_eq!(answer.summary(), expected, "{request}");
    };
    check("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "501 not-supported");
    check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "501 not-supported");
    check("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "501 not-supported");
    // A component that knows nothing of upgrades answers as ever, and no tunnel comes of it.
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    check(upgrade, "200 Hello from Wattle");
    let answer = Connection::open(server.address()).raw(upgrade);
    assert_eq!(answer.header("upgrade"), None);
}
