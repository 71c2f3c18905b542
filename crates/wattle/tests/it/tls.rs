//! TLS: certificates by name, changed while the host serves, and clients that speak something else.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use wattle_testkit::{App, Authority, Connection, Http2, Server, at_best, guests, until};

use crate::WATTLE;

/// An app with certificates: `one` and `two`, each for the host of its name.
fn app(authority: &Authority, guest: &std::path::Path) -> App {
    let (one, two) = (authority.pair(&["one.example", "localhost"]), authority.pair(&["two.example"]));
    let app = App::of(guest, "")
        .file("one.pem", one.cert)
        .file("one.key", one.key)
        .file("two.pem", two.cert)
        .file("two.key", two.key)
        .file(
            "host.toml",
            "[[tls]]\ncert = \"one.pem\"\nkey = \"one.key\"\n[[tls]]\ncert = \"two.pem\"\nkey = \"two.key\"\n",
        );
    for key in ["one.key", "two.key"] {
        fs::set_permissions(app.join(key), fs::Permissions::from_mode(0o600)).unwrap();
    }
    app
}

fn start(app: &App) -> Server {
    WATTLE.up(app).args(["--config", "host.toml"]).start()
}

#[test]
fn certificates_by_name() {
    let authority = Authority::new();
    let app = app(&authority, &guests::hello());
    let server = start(&app);
    for name in ["one.example", "localhost", "two.example"] {
        assert_eq!(authority.get(server.address(), name, "/").map(|answer| answer.status()), Ok(200), "{name}");
    }
    assert!(authority.get(server.address(), "three.example", "/").is_err_and(|error| error.contains("not valid for")));
    assert!(!server.log.text().contains("private key"), "{}", server.log.text());
}

/// The guest sees the scheme of the connection, over both protocols.
#[test]
fn what_a_guest_sees() {
    for guest in [guests::echo(), guests::echo_p3()] {
        let authority = Authority::new();
        let app = app(&authority, &guest);
        let server = start(&app);
        let seen = authority.get(server.address(), "one.example", "/a").unwrap().json();
        assert_eq!((&seen["scheme"], &seen["authority"]), (&"https".into(), &"one.example".into()));
        let mut client = Http2::open_tls(server.address(), "two.example", authority.client());
        let seen = client.call("GET", "/a", b"").json();
        assert_eq!((&seen["scheme"], &seen["authority"]), (&"https".into(), &"two.example".into()));
        let body = vec![b'x'; 1_000_000];
        assert_eq!(client.call("POST", "/", &body).body, body);
    }
}

/// From the command line, beside an address without TLS.
#[test]
fn from_the_command_line() {
    let authority = Authority::new();
    let app = app(&authority, &guests::hello());
    let mut server = WATTLE
        .up(&app)
        .args(["--tls-cert", "one.pem", "--tls-key", "one.key", "--listen", "127.0.0.1:0"])
        .args(["--listen", "http://127.0.0.1:0"])
        .start();
    let [secure, plain] = server.addresses() else { panic!("two addresses") };
    assert_eq!(authority.get(*secure, "one.example", "/").map(|answer| answer.status()), Ok(200));
    assert_eq!(Connection::open(*plain).call("GET", "/", b"").status(), 200);
    let urls = format!("https://{secure}\nhttp://{plain}\n");
    server.process().signal(wattle_testkit::process::Signal::Terminate);
    assert_eq!(server.wait().stdout, urls);
}

#[test]
fn changed_while_the_host_serves() {
    let authority = Authority::new();
    let app = app(&authority, &guests::hello());
    let server = start(&app);
    let serves = |name: &str| authority.get(server.address(), name, "/").is_ok_and(|answer| answer.status() == 200);
    assert!(serves("two.example") && !serves("new.example"));
    let new = authority.pair(&["new.example"]);
    fs::write(app.join("two.pem"), &new.cert).unwrap();
    server.log.wait_for("the complaint", |line| line.contains("still served") && line.contains("does not belong"));
    assert!(serves("two.example"));
    fs::write(app.join("two.key"), &new.key).unwrap();
    until("the new one is served", || serves("new.example").then_some(()));
    assert!(serves("one.example") && !serves("two.example"));
}

/// A key that everybody can read is used, and complained of.
#[test]
fn an_open_key() {
    let authority = Authority::new();
    let app = app(&authority, &guests::hello());
    fs::set_permissions(app.join("two.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let server = start(&app);
    server.log.wait_for("the warning", |line| line.contains("WARN") && line.contains("two.key"));
    assert!(!server.log.text().contains("one.key"), "{}", server.log.text());
}

/// Who speaks plain HTTP is told; who says nothing, or something else, is let go, and the others are served.
#[test]
fn clients_that_speak_something_else() {
    let authority = Authority::new();
    // Long enough for a client that does its part on a busy machine.
    let limits = "[limits]\ntls-handshake-timeout = \"3s\"\n[[tls]]\ncert = \"one.pem\"\nkey = \"one.key\"\n";
    let app = app(&authority, &guests::hello()).file("host.toml", limits);
    let server = start(&app);
    assert_eq!(server.get("/").summary(), "400 this address speaks TLS: use https");
    let mut begun = [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", &[22; 5000]].map(|begun| {
        let mut connection = server.connect();
        let _ = connection.try_send(begun);
        (begun, connection)
    });
    for (begun, connection) in &mut begun {
        assert!(connection.is_closed(), "{begun:?}");
    }
    assert_eq!(authority.get(server.address(), "one.example", "/").map(|answer| answer.status()), Ok(200));
    assert!(!server.log.text().contains("ERROR"), "{}", server.log.text());
}

/// A client that hangs up stops its guest over TLS too, in the middle of an upload included.
#[test]
fn a_client_that_goes_away() {
    let authority = Authority::new();
    let app = app(&authority, &guests::misbehave());
    let server = start(&app);
    let process = server.process();
    for request in
        ["GET /loop HTTP/1.1\r\nhost: a\r\n\r\n", "POST /loop HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nx"]
    {
        let most = Duration::from_millis(60);
        let computed = at_best(most, || {
            let mut stream = authority.connect(server.address(), "one.example").unwrap();
            let idle = process.computed();
            stream.write_all(request.as_bytes()).unwrap();
            until("the guest computes", || (process.computed() > idle + Duration::from_millis(50)).then_some(()));
            drop(stream);
            process.computes_in(Duration::from_millis(300))
        });
        assert!(computed < most, "{request:?} computed for {computed:?} afterwards");
    }
}

/// A connection over TLS that rests is closed like any other.
#[test]
fn a_connection_that_rests() {
    let authority = Authority::new();
    let limits = "[limits]\nheader-timeout = \"400ms\"\n[[tls]]\ncert = \"one.pem\"\nkey = \"one.key\"\n";
    let app = app(&authority, &guests::hello()).file("host.toml", limits);
    let server = start(&app);
    let mut stream = authority.connect(server.address(), "one.example").unwrap();
    stream.write_all(b"GET / HT").unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn what_cannot_be_served() {
    let authority = Authority::new();
    let (other, old) = (authority.pair(&["a.example"]), authority.pair_until(&["a.example"], 2020));
    let app = app(&authority, &guests::hello())
        .file("other.key", other.key)
        .file("old.pem", old.cert)
        .file("old.key", old.key)
        .file("garbage.pem", "no PEM");
    let refused = |cert: &str, key: &str| {
        let ran = WATTLE.up(&app).args(["--tls-cert", cert, "--tls-key", key]).refused();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        ran.stderr
    };
    insta::assert_snapshot!(refused("one.pem", "other.key"), @"
    error: cannot use the certificate one.pem with the key other.key
      caused by: the private key does not belong to the certificate
    hint: the first certificate of the chain must be the one of this key
    ");
    insta::assert_snapshot!(refused("old.pem", "old.key").split("verification").next().unwrap(), @"
    error: cannot use the certificate old.pem with the key old.key
      caused by: it is out of date: certificate expired:
    ");
    insta::assert_snapshot!(refused("garbage.pem", "one.key"), @"
    error: cannot use the certificate garbage.pem with the key one.key
      caused by: there is no certificate in it: no section is a CERTIFICATE
    hint: it must be PEM, the server's own certificate first, then those that vouch for it
    ");
    insta::assert_snapshot!(refused("one.pem", "one.pem"), @"
    error: cannot use the certificate one.pem with the key one.pem
      caused by: there is no private key in it: no items found
    hint: it must be PEM, unencrypted, as PKCS#8, SEC1 or PKCS#1
    ");
    insta::assert_snapshot!(refused("missing.pem", "one.key"), @"
    error: cannot read missing.pem, which is part of a certificate
      caused by: No such file or directory (os error 2)
    hint: correct the path
    ");
    let ran = WATTLE.up(&app).args(["--listen", "https://127.0.0.1:0"]).refused();
    insta::assert_snapshot!(ran.stderr, @"
    error: cannot serve https://127.0.0.1:0: there is no certificate
    hint: name one with `--tls-cert` and `--tls-key`
    ");
}
