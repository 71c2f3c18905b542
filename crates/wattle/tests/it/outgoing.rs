//! Requests that components send: where they may go, what comes back, and what bounds them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use wattle_testkit::upstream::answer;
use wattle_testkit::{App, NameServer, Response, Server, Upstream, guests, until};

use crate::WATTLE;

/// Both versions do the same.
fn both() -> [std::path::PathBuf; 2] {
    [guests::fetch(), guests::fetch_p3()]
}

fn start(guest: &Path, allow: &str) -> (App, Server) {
    let app = App::of(guest, &format!("allow = {allow}"));
    let server = WATTLE.up(&app).start();
    (app, server)
}

/// A request through the guest to `target`; `fields` are more of its header.
fn send(server: &Server, method: &str, target: &str, fields: &str, body: &[u8]) -> Response {
    let mut connection = server.connect();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    connection.send(format!("{method} / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\n{fields}{length}\r\n"));
    connection.send(body);
    connection.answer(method)
}

fn get(server: &Server, target: &str) -> Response {
    send(server, "GET", target, "", b"")
}

/// A policy that allows one upstream by its address.
fn only(upstream: &Upstream) -> String {
    format!("{{ http = [\"http://{}\"] }}", upstream.address())
}

#[test]
fn requests_and_answers() {
    let upstream = Upstream::answering(|request| {
        let first = request.head.lines().next().unwrap_or_default().to_owned();
        let host = request.header("host").unwrap_or_default().to_owned();
        let body = format!("{first}, {host}, {}", String::from_utf8_lossy(&request.body));
        answer("201 Created\r\nx-from: outside", body)
    });
    for guest in both() {
        let (_app, server) = start(&guest, &only(&upstream));
        let target = format!("http://{}/a%20b?c=d", upstream.address());
        let answered = send(&server, "POST", &target, "", b"a body");
        assert_eq!(answered.status(), 201, "{}", answered.text());
        assert_eq!(answered.header("x-from"), Some("outside"));
        assert_eq!(answered.text(), format!("POST /a%20b?c=d HTTP/1.1, {}, a body", upstream.address()));
        assert_eq!(send(&server, "DELETE", &target, "", b"").status(), 201);
    }
}

/// A GET has no body unless its length says so: whoever finishes an empty one late has lost nothing, and what somebody
/// does write is not sent in silence.
#[test]
fn a_body_that_is_not_sent() {
    let upstream = Upstream::answering(|request| answer("200 OK", format!("{} bytes", request.body.len())));
    let (_app, server) = start(&guests::state(), &only(&upstream));
    let late = |text| server.get(&format!("/out?url=http://{}/&rest=200&text={text}", upstream.address())).text();
    assert_eq!(late(""), r#"{"body":"0 bytes","status":200}"#);
    assert!(!server.log.text().contains("was not sent"));
    assert_eq!(late("something"), r#"{"body":"0 bytes","status":200}"#);
    until("the log tells what was not sent", || server.log.text().contains("was not sent").then_some(()));
}

/// Neither a redirect is followed nor a body decoded: both are the guest's to do.
#[test]
fn answers_are_passed_on_as_they_are() {
    let upstream = Upstream::answering(|request| match request.head.contains("/moved") {
        true => answer("302 Found\r\nlocation: http://127.0.0.1:1/", ""),
        false => answer("200 OK\r\ncontent-encoding: gzip", b"\x1f\x8b not really"),
    });
    for guest in both() {
        let (_app, server) = start(&guest, &only(&upstream));
        let moved = get(&server, &format!("http://{}/moved", upstream.address()));
        assert_eq!((moved.status(), moved.header("location")), (302, Some("http://127.0.0.1:1/")));
        let zipped = get(&server, &format!("http://{}/", upstream.address()));
        assert_eq!(
            (zipped.header("content-encoding"), zipped.body.as_slice()),
            (Some("gzip"), &b"\x1f\x8b not really"[..])
        );
    }
}

#[test]
fn nothing_is_allowed_by_default() {
    let upstream = Upstream::answering(|_| answer("200 OK", "reached"));
    for guest in both() {
        let (_app, server) = start(&guest, "{}");
        let target = format!("http://{}/", upstream.address());
        assert_eq!(get(&server, &target).summary(), "502 ErrorCode::HttpRequestDenied");
        until("the log says what to write", || {
            server
                .log
                .text()
                .contains(&format!("write `allow = {{ http = [\"http://{}\"] }}`", upstream.address()))
                .then_some(())
        });
    }
    assert_eq!(upstream.accepted(), 0);
}

/// What looks like an allowed origin and is none, and addresses in every spelling: no connection is made.
#[test]
fn where_requests_may_not_go() {
    let upstream = Upstream::answering(|_| answer("200 OK", "reached"));
    let port = upstream.address().port();
    let allow = format!("{{ http = [\"http://*:{port}\", \"https://example.com\"] }}");
    for guest in both() {
        let (_app, server) = start(&guest, &allow);
        for (host, expected) in [
            ("127.0.0.1", "DestinationIpProhibited"),
            ("localhost", "DestinationIpProhibited"),
            ("[::1]", "DestinationIpProhibited"),
            ("[::ffff:127.0.0.1]", "DestinationIpProhibited"),
            ("0.0.0.0", "DestinationIpProhibited"),
            ("10.0.0.1", "DestinationIpProhibited"),
            ("192.168.0.1", "DestinationIpProhibited"),
            ("[fd00::1]", "DestinationIpProhibited"),
            ("169.254.169.254", "DestinationIpProhibited"),
            ("2130706433", "HttpRequestUriInvalid"),
            ("0x7f000001", "HttpRequestUriInvalid"),
            ("0177.0.0.1", "HttpRequestUriInvalid"),
            ("127.1", "HttpRequestUriInvalid"),
            ("me@127.0.0.1", "HttpRequestUriInvalid"),
        ] {
            let answered = get(&server, &format!("http://{host}:{port}/"));
            let refused = ["authority refused", &format!("ErrorCode::{expected}")].map(|text| format!("502 {text}"));
            assert!(refused.contains(&answered.summary()), "{host}: {}", answered.summary());
        }
        for target in ["https://evil-example.com/", "http://example.com/", "https://example.com:444/"] {
            assert_eq!(get(&server, target).summary(), "502 ErrorCode::HttpRequestDenied", "{target}");
        }
        let connect = send(&server, "GET", &format!("http://1.1.1.1:{port}/"), "x-method: CONNECT\r\n", b"");
        if guest == guests::fetch() {
            assert_eq!(connect.summary(), "502 ErrorCode::HttpRequestMethodInvalid");
        }
    }
    assert_eq!(upstream.accepted(), 0);
}

/// `wattle up` with a name server of the test's, on an app that allows `allow`.
fn with_names(names: &NameServer, allow: &str) -> (App, Server) {
    let app = App::of(&guests::fetch(), &format!("allow = {allow}"))
        .file("host.toml", format!("name-servers = [\"{}\"]\n", names.address()));
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    (app, server)
}

#[test]
fn names() {
    let names = NameServer::start(|name, _| match name {
        "here.test" => vec![Ipv4Addr::LOCALHOST],
        "both.test" => vec![Ipv4Addr::new(10, 255, 255, 1), Ipv4Addr::LOCALHOST],
        _ => Vec::new(),
    });
    let upstream = Upstream::answering(|request| answer("200 OK", request.header("host").unwrap_or_default()));
    let port = upstream.address().port();
    let (_app, server) = with_names(&names, "{ http = [\"http://*.test:*\"], networks = [\"127.0.0.0/8\"] }");
    assert_eq!(get(&server, &format!("http://here.test:{port}/")).summary(), format!("200 here.test:{port}"));
    // Of the addresses of a name those that are allowed are used.
    assert_eq!(get(&server, &format!("http://BOTH.test.:{port}/")).summary(), format!("200 both.test:{port}"));
    let unknown = get(&server, "http://nobody.test/").summary();
    assert!(unknown.starts_with("502 ErrorCode::DnsError"), "{unknown}");

    let (_app, server) = with_names(&names, "{ http = [\"http://*.test:*\"] }");
    let inside = get(&server, &format!("http://here.test:{port}/"));
    assert_eq!(inside.summary(), "502 ErrorCode::DestinationIpProhibited");
    until("the log says what to write", || {
        let hint = "here.test is 127.0.0.1, a loopback address (to allow it, add `networks = [\"loopback\"]`";
        server.log.text().contains(hint).then_some(())
    });
}

/// A name that leads somewhere else when it is asked for again: the connection goes to the address that was checked,
/// and the next one is checked again.
#[test]
fn a_name_that_is_rebound() {
    let names = NameServer::start(|_, question| {
        vec![if question == 1 { Ipv4Addr::new(127, 0, 0, 2) } else { Ipv4Addr::LOCALHOST }]
    });
    let secret = Upstream::answering(|_| answer("200 OK", "secret"));
    let port = secret.address().port();
    let open = SocketAddr::from(([127, 0, 0, 2], port));
    let _open = Upstream::start_on(open, |mut connection| {
        connection.request()?;
        connection.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nopen")
    });
    let (_app, server) = with_names(&names, "{ http = [\"http://*.test:*\"], networks = [\"127.0.0.2\"] }");
    let target = format!("http://rebound.test:{port}/");
    assert_eq!(get(&server, &target).summary(), "200 open");
    assert_eq!(names.asked(), 1, "the name was resolved again between the check and the connection");
    assert_eq!(get(&server, &target).summary(), "502 ErrorCode::DestinationIpProhibited");
    assert_eq!(secret.accepted(), 0);
}

/// Connections are kept and used again; one that the other side closed meanwhile costs no request.
#[test]
fn connections_are_kept() {
    let upstream = Upstream::start(|mut connection| {
        // The first connection ends after two answers, without a word.
        let answers = if connection.number == 1 { 2 } else { usize::MAX };
        for _ in 0..answers {
            if connection.request()?.is_none() {
                return Ok(());
            }
            connection.stream.write_all(&answer("200 OK", "kept"))?;
        }
        Ok(())
    });
    let (_app, server) = start(&guests::fetch(), &only(&upstream));
    let target = format!("http://{}/", upstream.address());
    let mut connection = server.connect();
    for _ in 0..20 {
        connection.send(format!("POST / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\ncontent-length: 2\r\n\r\nhi"));
        assert_eq!(connection.answer("POST").summary(), "200 kept");
    }
    assert_eq!(upstream.accepted(), 2);
}

#[test]
fn an_upstream_that_does_not_answer() {
    let upstream = Upstream::start(|mut connection| {
        connection.request()?;
        thread::park_timeout(Duration::from_secs(20));
        Ok(())
    });
    let (_app, server) = start(&guests::fetch(), &only(&upstream));
    let target = format!("http://{}/", upstream.address());
    let asked = Instant::now();
    let late = send(&server, "GET", &target, "x-answer-ms: 200\r\n", b"");
    assert_eq!(late.summary(), "502 ErrorCode::HttpResponseTimeout");
    assert!(asked.elapsed() < Duration::from_secs(5));

    let app = App::of(
        &guests::fetch(),
        &format!("allow = {}\nlimits = {{ outgoing-answer-timeout = \"200ms\" }}", only(&upstream)),
    );
    let server = WATTLE.up(&app).start();
    // The guest may ask for less than the limit, not for more.
    let late = send(&server, "GET", &target, "x-answer-ms: 60000\r\n", b"");
    assert_eq!(late.summary(), "502 ErrorCode::HttpResponseTimeout");
    let app = App::of(&guests::fetch(), &format!("allow = {}\nlimits = {{ deadline = \"300ms\" }}", only(&upstream)));
    assert_eq!(get(&WATTLE.up(&app).start(), &target).summary(), "504 deadline");
}

#[test]
fn an_upstream_that_stops_in_its_body() {
    let upstream = Upstream::start(|mut connection| {
        connection.request()?;
        connection.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")?;
        thread::park_timeout(Duration::from_secs(20));
        Ok(())
    });
    let (_app, server) = start(&guests::fetch(), &only(&upstream));
    let cut = send(&server, "GET", &format!("http://{}/", upstream.address()), "x-between-ms: 100\r\n", b"");
    assert_eq!((cut.status(), cut.text().as_str(), cut.is_complete()), (200, "half", false));
}

/// Each byte comes in time, the whole never would: the guest's deadline ends it.
#[test]
fn an_upstream_that_trickles() {
    let upstream = Upstream::start(|mut connection| {
        connection.request()?;
        connection.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
        while connection.stream.write_all(b"x").is_ok() {
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    });
    let more = "limits = { deadline = \"500ms\", outgoing-body-timeout = \"10s\" }";
    for guest in both() {
        let app = App::of(&guest, &format!("allow = {}\n{more}", only(&upstream)));
        let (server, asked) = (WATTLE.up(&app).start(), Instant::now());
        let cut = get(&server, &format!("http://{}/", upstream.address()));
        assert!(!cut.is_complete() && cut.body.len() < 1000, "{}", cut.summary());
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    }
}

/// Also where it came as a whole before its head was passed on, with and without a length.
#[test]
fn an_answer_over_the_limit_of_who_passes_it_on() {
    let upstream = Upstream::start(|mut connection| {
        let body = "x".repeat(3000);
        while let Some(request) = connection.request()? {
            let head = match request.head.starts_with("GET /long ") {
                true => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
                false => format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nbb8\r\n{body}\r\n0\r\n\r\n"),
            };
            connection.stream.write_all(head.as_bytes())?;
        }
        Ok(())
    });
    for guest in both() {
        let allow = format!("allow = {}\nlimits = {{ response-body = \"1KiB\" }}", only(&upstream));
        let app = App::of(&guest, &allow);
        let server = WATTLE.up(&app).start();
        for path in ["long", "chunked"] {
            let mut connection = server.connect();
            let target = format!("http://{}/{path}", upstream.address());
            connection.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\n\r\n"));
            let whole = connection.try_answer("GET").is_ok_and(|answer| answer.is_complete());
            assert!(!whole, "{path} through {}", guest.display());
        }
    }
}

#[test]
fn bodies_have_a_limit() {
    let upstream = Upstream::answering(|request| answer("200 OK", "x".repeat(request.body.len().max(1) * 2)));
    let more = "limits = { outgoing-response-body = \"64KiB\", outgoing-request-body = \"64KiB\" }";
    for guest in both() {
        let app = App::of(&guest, &format!("allow = {}\n{more}", only(&upstream)));
        let server = WATTLE.up(&app).start();
        let target = format!("http://{}/", upstream.address());
        let post = |len: usize| send(&server, "POST", &target, "", &vec![b'x'; len]);
        assert!(post(20_000).is_complete());
        assert!(!post(60_000).is_complete(), "an answer over the limit looks complete");
        let refused = post(100_000).summary();
        assert!(refused.starts_with("502 ErrorCode::HttpRequestBodySize"), "{refused}");
    }
}

#[test]
fn answers_that_are_none() {
    for (bytes, expected) in [
        ("", "ConnectionTerminated"),
        ("hello\r\n\r\n", "HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "ConnectionTerminated"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "HttpUpgradeFailed"),
    ] {
        let upstream = Upstream::start(move |mut connection| {
            connection.request()?;
            connection.stream.write_all(bytes.as_bytes())
        });
        let (_app, server) = start(&guests::fetch(), &only(&upstream));
        let failed = get(&server, &format!("http://{}/", upstream.address()));
        assert_eq!(failed.summary(), format!("502 ErrorCode::{expected}"), "{bytes:?}");
    }
    let huge = Upstream::answering(|_| format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000)));
    let (_app, server) = start(&guests::fetch(), &only(&huge));
    let failed = get(&server, &format!("http://{}/", huge.address())).summary();
    assert!(failed.starts_with("502 ErrorCode::HttpResponseHeaderSectionSize"), "{failed}");

    let nobody = Upstream::start(|_| Ok(())).address();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_ne!(nobody, free);
    let (_app, server) = start(&guests::fetch(), &format!("{{ http = [\"http://{free}\"] }}"));
    assert_eq!(get(&server, &format!("http://{free}/")).summary(), "502 ErrorCode::ConnectionRefused");
}

/// Informational answers without end are not an answer.
#[test]
fn an_upstream_that_only_informs() {
    let upstream = Upstream::start(|mut connection| {
        connection.request()?;
        loop {
            connection.stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")?;
        }
    });
    let (_app, server) = start(&guests::fetch(), &only(&upstream));
    let never = send(&server, "GET", &format!("http://{}/", upstream.address()), "x-answer-ms: 300\r\n", b"");
    assert_eq!(never.status(), 502, "{}", never.text());
    until("the connection is given up", || {
        (server.process().computes_in(Duration::from_millis(100)) < Duration::from_millis(20)).then_some(())
    });
}

/// One app has so many requests and connections, and its neighbour does not feel it.
#[test]
fn many_at_once() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let upstream = {
        let (open, most) = (open.clone(), most.clone());
        Upstream::start(move |mut connection| {
            connection.request()?;
            most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Nobody is answered before the test says so.
            let _ = held.lock().map(|held| held.recv());
            connection.stream.write_all(&answer("200 OK\r\nconnection: close", "at last"))?;
            open.fetch_sub(1, Ordering::SeqCst);
            let _ = connection.stream.read(&mut [0]);
            Ok(())
        })
    };
    let app = App::new(&format!(
        "name = \"many\"\n[components.fetch]\nsource = \"fetch.wasm\"\nallow = {}\n[components.hello]\nsource = \
         \"hello.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"fetch\"\n[[triggers.http]]\npath = \
         \"/hello\"\ncomponent = \"hello\"\n[limits]\noutgoing-requests = 4\nqueue-time = \"500ms\"\n",
        only(&upstream)
    ));
    let server = WATTLE.up(&app).start();
    let target = format!("http://{}/", upstream.address());
    let answers: Vec<String> = thread::scope(|scope| {
        let waiting: Vec<_> = (0..12).map(|_| scope.spawn(|| get(&server, &target).summary())).collect();
        until("four are under way", || (open.load(Ordering::SeqCst) == 4).then_some(()));
        assert_eq!(server.get("/hello").status(), 200);
        until("the others were refused", || {
            (waiting.iter().filter(|request| request.is_finished()).count() == 8).then_some(())
        });
        drop(release);
        waiting.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| *answer == "200 at last").count(), 4, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == "502 ErrorCode::ConnectionLimitReached").count(), 8);
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

/// A client that goes away takes the request along that was sent for it.
#[test]
fn a_client_that_goes_away() {
    let (gone, closed) = mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::start(move |mut connection| {
        connection.request()?;
        let ended = connection.stream.read(&mut [0]);
        let _ = gone.lock().map(|gone| gone.send(ended.is_ok_and(|read| read == 0)));
        Ok(())
    });
    for guest in both() {
        let (_app, server) = start(&guest, &format!("{}\ninstances = {{ reuse = 1 }}", only(&upstream)));
        let (mut connection, before) = (server.connect(), upstream.accepted());
        let target = format!("http://{}/", upstream.address());
        connection.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\n\r\n"));
        until("the request has arrived", || (upstream.accepted() > before).then_some(()));
        drop(connection);
        assert!(closed.recv_timeout(Duration::from_secs(10)).unwrap(), "the connection outside was not closed");
    }
}
