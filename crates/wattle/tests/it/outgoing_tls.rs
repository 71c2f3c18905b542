//! Requests that components send over TLS: whom they trust, and which protocol they speak.

use std::io::Write;
use std::path::Path;

use wattle_testkit::{App, Response, Server, TlsUpstream, Upstream, guests};

use crate::WATTLE;

/// `wattle up` on an app that may reach every TLS server of the loopback interface, and that trusts `trusted`.
fn start(guest: &Path, trusted: &TlsUpstream) -> (App, Server) {
    let app = App::of(guest, "allow = { http = [\"https://*:*\"], networks = [\"loopback\"] }")
        .file("trusted.pem", trusted.certificate());
    let roots = app.join("trusted.pem");
    let server = WATTLE.up(&app).env("SSL_CERT_FILE", &roots.to_string_lossy()).start();
    (app, server)
}

fn post(server: &Server, target: &str, body: &str) -> Response {
    let mut connection = server.connect();
    let length = body.len();
    connection.send(format!("POST / HTTP/1.1\r\nhost: a\r\nx-target: {target}\r\ncontent-length: {length}\r\n\r\n"));
    connection.send(body);
    connection.answer("POST")
}

#[test]
fn the_protocol_is_negotiated() {
    for guest in [guests::fetch(), guests::fetch_p3()] {
        for (protocols, spoken) in [
            (["h2", "http/1.1"].as_slice(), "HTTP/2.0"),
            (["http/1.1"].as_slice(), "HTTP/1.1"),
            ([].as_slice(), "HTTP/1.1"),
        ] {
            let upstream = TlsUpstream::start("localhost", protocols);
            let (_app, server) = start(&guest, &upstream);
            let authority = format!("localhost:{}", upstream.address().port());
            for body in ["first", "second"] {
                let answered = post(&server, &format!("https://{authority}/"), body);
                assert_eq!(answered.summary(), format!("200 {spoken} {authority} {body}"));
            }
        }
    }
}

#[test]
fn only_who_is_trusted() {
    let (trusted, other) = (TlsUpstream::start("localhost", &[]), TlsUpstream::start("localhost", &[]));
    let elsewhere = TlsUpstream::start("elsewhere.test", &[]);
    let (_app, server) = start(&guests::fetch(), &trusted);
    let target = |upstream: &TlsUpstream| format!("https://localhost:{}/", upstream.address().port());
    assert_eq!(post(&server, &target(&trusted), "").status(), 200);
    assert_eq!(post(&server, &target(&other), "").summary(), "502 ErrorCode::TlsCertificateError");
    assert!(!server.log.text().contains("PRIVATE"));

    // Trusted, but for another name than the one that was asked for.
    let (_app, server) = start(&guests::fetch(), &elsewhere);
    assert_eq!(post(&server, &target(&elsewhere), "").summary(), "502 ErrorCode::TlsCertificateError");
}

#[test]
fn who_speaks_no_tls() {
    let trusted = TlsUpstream::start("localhost", &[]);
    let plain = Upstream::start(|mut connection| connection.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let (_app, server) = start(&guests::fetch(), &trusted);
    let target = |port: u16| format!("https://localhost:{port}/");
    let refused = post(&server, &target(plain.address().port()), "");
    assert_eq!(refused.summary(), "502 ErrorCode::TlsProtocolError");
    assert_eq!(post(&server, &target(trusted.address().port()), "").status(), 200);
}

/// Whoever says whom to trust means nobody else.
#[test]
fn trust_that_cannot_be_read() {
    let app = App::of(&guests::fetch(), "allow = { http = [\"https://*\"] }");
    let ran = WATTLE.up(&app).env("SSL_CERT_FILE", "/no/such/file.pem").refused();
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("SSL_CERT_FILE"), "{ran}");
}
