//! A host that is asked from other machines: over TLS, with its token, by its name, and not by a page in a browser.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use wattle_testkit::tls::Authority;
use wattle_testkit::{App, PATIENCE, Ran, Registry, Server, guests, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

/// A host with the app `hello`, an authority that vouches for it, and its address.
struct Elsewhere {
    app: App,
    authority: Authority,
    server: Server,
    address: SocketAddr,
}

fn secret(app: App, name: &str, text: &str) -> App {
    let app = app.file(name, text);
    fs::set_permissions(app.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    app
}

/// The files of a host that can be asked by the name `host.test` and by its address.
fn configured(authority: &Authority) -> App {
    let pair = authority.pair(&["host.test", "127.0.0.1", "::1"]);
    let app = App::empty()
        .guest(&guests::hello())
        .file("control.pem", pair.cert)
        .file("ca.pem", authority.root_pem())
        .file(
            "host.toml",
            "[control]\nlisten = \"127.0.0.1:0\"\ncert = \"control.pem\"\nkey = \"control.key\"\ntoken-file = \"token\"\n",
        );
    secret(secret(app, "control.key", &pair.key), "token", &format!("{TOKEN}\n"))
}

impl Elsewhere {
    fn start() -> Self {
        let authority = Authority::new();
        let app = configured(&authority);
        let host = WATTLE.host(&app).args(["--config", "host.toml", "--log-format", "json"]);
        let server = host.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
        let line = server.log.wait_for("its address", |line| line.contains("can ask from other machines"));
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = line["fields"]["address"].as_str().or(line["address"].as_str()).unwrap().parse().unwrap();
        Self { app, authority, server, address }
    }

    /// A verb as it is called on another machine.
    fn verb<const N: usize>(&self, verb: [&str; N]) -> Command {
        let mut command = WATTLE.command(&self.app);
        command.args(verb).env("WATTLE_CONTROL", format!("https://{}", self.address));
        // No socket is found there.
        command.env("XDG_RUNTIME_DIR", self.app.join("nowhere"));
        command.env("WATTLE_CONTROL_CA", "ca.pem").env("WATTLE_CONTROL_TOKEN_FILE", "token");
        command
    }

    #[track_caller]
    fn said<const N: usize>(&self, verb: [&str; N]) -> String {
        let ran = Ran::of(&mut self.verb(verb));
        assert!(ran.is_ok(), "{ran}");
        ran.stdout
    }

    /// What comes back for these bytes, over TLS.
    fn exchange(&self, bytes: &str) -> String {
        let mut stream = self.authority.connect(self.address, "host.test").unwrap();
        // Who is refused may be gone before all was said.
        let _ = stream.write_all(bytes.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status and the code that are answered to a question with these fields.
    #[track_caller]
    fn refused(&self, fields: &str) -> (u16, String) {
        let answer = self.exchange(&format!("GET /v1/status HTTP/1.1\r\n{fields}\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert_eq!(head.contains("www-authenticate: Bearer realm=\"wattle\""), head.contains(" 401 "), "{head}");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body["error"]["code"].as_str().unwrap_or("answered").into())
    }
}

/// Everything that can be asked on this machine.
#[test]
fn each_verb() {
    let Some(registry) = Registry::start() else { return };
    let there = Elsewhere::start();
    let reference = format!("{}/acme/hello:1", registry.authority());
    assert!(WATTLE.run(&there.app, ["push", "hello.wasm", &reference]).is_ok());
    assert_eq!(there.said(["apply", &reference]), "default/hello started (generation 1)\n");
    assert_eq!(there.server.get("/").text(), "Hello from Wattle\n");

    let ps: Value = serde_json::from_str(&there.said(["ps", "--json"])).unwrap();
    assert_eq!(ps["hosts"][0]["control"], format!("https://{}", there.address));
    assert_eq!(ps["hosts"][0]["apps"][0]["app"], "default/hello");
    assert!(there.said(["describe", "hello"]).contains("default/hello"));
    assert!(there.said(["explain", "--running", "hello"]).contains("hello"));
    assert!(there.said(["logs"]).contains("hello"));
    assert!(there.said(["events"]).contains("hello"));
    assert!(there.said(["listener", "add", "127.0.0.1:0"]).contains("added"));
    assert!(there.said(["stop", "hello"]).contains("stopped"));
    assert!(there.said(["rm", "hello"]).contains("removed"));

    let mut following = there.verb(["events", "-f"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = BufReader::new(following.stdout.take().unwrap());
    let mut first = String::new();
    told.read_line(&mut first).unwrap();
    assert!(there.said(["drain"]).contains("has ended"));
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(following.wait().unwrap().success(), "{rest}");
    assert_eq!(TcpStream::connect(there.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// A folder is on one machine, and the host on another.
#[test]
fn folders_stay_here() {
    let there = Elsewhere::start();
    let ran = Ran::of(&mut there.verb(["apply", "hello.wasm"]));
    let expected =
        format!("error: hello.wasm is on this machine, and the host at https://{} on another", there.address);
    assert!(ran.code == Some(2) && ran.stderr.starts_with(&expected) && ran.stderr.contains("wattle push"), "{ran}");
}

/// Nobody is answered without the token, by another name, or from a page.
#[test]
fn whoever_may_not_ask() {
    let there = Elsewhere::start();
    let token = |token: &str| format!("host: host.test\r\nauthorization: Bearer {token}\r\n");
    let (unauthorized, host, origin) =
        ((401, "unauthorized".into()), (403, "foreign-host".into()), (403, "foreign-origin".into()));
    assert_eq!(there.refused(&token(TOKEN)), (200, "answered".into()));
    assert_eq!(there.refused("host: host.test\r\n"), unauthorized);
    for wrong in [OTHER, "", &TOKEN[1..], &format!("{TOKEN}0"), &format!("{TOKEN}, Bearer {TOKEN}")] {
        assert_eq!(there.refused(&token(wrong)), unauthorized, "{wrong:?}");
    }
    let basic = format!("host: host.test\r\nauthorization: Basic {TOKEN}\r\n");
    assert_eq!(there.refused(&basic), unauthorized);
    let twice = format!("{}authorization: Bearer {OTHER}\r\n", token(TOKEN));
    assert_eq!(there.refused(&twice), unauthorized);

    let port = there.address.port();
    for name in ["HOST.TEST", "127.0.0.1", "[::1]", &format!("host.test:{port}"), &format!("127.0.0.1:{port}")] {
        let fields = format!("host: {name}\r\nauthorization: Bearer {TOKEN}\r\n");
        assert_eq!(there.refused(&fields), (200, "answered".into()), "{name}");
    }
    for name in ["evil.test", "localhost", "host.test.evil.test", "127.0.0.2", "", "host.test\r\nhost: host.test"] {
        let fields = format!("host: {name}\r\nauthorization: Bearer {TOKEN}\r\n");
        assert_eq!(there.refused(&fields), host, "{name}");
    }
    assert_eq!(there.refused(&format!("authorization: Bearer {TOKEN}\r\n")), host);
    for page in ["https://evil.test", "https://host.test", "null", ""] {
        assert_eq!(there.refused(&format!("{}origin: {page}\r\n", token(TOKEN))), origin, "{page}");
    }
    // By an address that is nobody's name, and by none.
    let absolute = format!("GET https://evil.test/v1/status HTTP/1.1\r\n{}\r\n", token(TOKEN));
    assert!(there.exchange(&absolute).starts_with("HTTP/1.1 403 "));
    let old = format!("GET /v1/status HTTP/1.0\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    assert!(there.exchange(&old).starts_with("HTTP/1.0 403 ") || there.exchange(&old).starts_with("HTTP/1.1 403 "));
    let before = format!("OPTIONS /v1/actions HTTP/1.1\r\n{}origin: https://evil.test\r\n\r\n", token(TOKEN));
    assert!(there.exchange(&before).starts_with("HTTP/1.1 403 "));
    // Whoever may not ask does not learn what can be asked, and nothing is done for them.
    let drain = there
        .exchange("POST /v1/actions HTTP/1.1\r\nhost: host.test\r\ncontent-length: 18\r\n\r\n{\"action\":\"drain\"}");
    assert!(drain.starts_with("HTTP/1.1 401 "), "{drain}");
    assert!(there.exchange("GET /nowhere HTTP/1.1\r\nhost: host.test\r\n\r\n").starts_with("HTTP/1.1 401 "));
    there.server.log.wait_for("a line", |line| line.contains("turned away") && line.contains("127.0.0.1"));
    // A page cannot reach a socket; whoever lends it one to reach it by is told so.
    let answer =
        exchange(&socket(&there.app), b"GET /v1/status HTTP/1.1\r\nhost: x\r\norigin: http://evil.test\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("foreign-origin"), "{answer}");
    assert!(there.said(["ps"]).contains("runs no app"));
    let log = there.server.cleaned_log(&there.app);
    assert!(!log.contains(TOKEN) && !log.contains(OTHER), "{log}");
}

/// Whoever changes the file changes who may ask, at once.
#[test]
fn another_token() {
    let there = Elsewhere::start();
    let ask = |token: &str| there.refused(&format!("host: host.test\r\nauthorization: Bearer {token}\r\n")).0;
    assert_eq!((ask(TOKEN), ask(OTHER)), (200, 401));
    fs::write(there.app.join("token"), OTHER).unwrap();
    assert_eq!((ask(TOKEN), ask(OTHER)), (401, 200));
    fs::set_permissions(there.app.join("token"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!((ask(TOKEN), ask(OTHER)), (401, 401));
    there.server.log.wait_for("a line", |line| line.contains("there is no token") && line.contains("ERROR"));
    fs::remove_file(there.app.join("token")).unwrap();
    assert_eq!(ask(OTHER), 401);
    assert_eq!(get(&socket(&there.app), "/v1/status")["apps"], serde_json::json!([]));
}

/// Its certificate is changed while it answers, too.
#[test]
fn another_certificate() {
    let there = Elsewhere::start();
    let pair = there.authority.pair(&["moved.test"]);
    fs::write(there.app.join("control.key"), &pair.key).unwrap();
    fs::write(there.app.join("control.pem"), &pair.cert).unwrap();
    let ask = || there.authority.get(there.address, "moved.test", "/v1");
    let answer = until("it is shown", || ask().ok());
    assert_eq!(answer.status(), 401);
    assert!(there.authority.get(there.address, "host.test", "/v1").is_err(), "it has its old name no more");
}

/// Plain HTTP, and those who say nothing, get nothing and keep nobody out.
#[test]
fn whoever_does_not_speak_tls() {
    let there = Elsewhere::start();
    let mut plain = TcpStream::connect(there.address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let asked = format!("GET /v1/status HTTP/1.1\r\nhost: host.test\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    // In one piece: after the first one nobody may be there any more.
    plain.write_all(asked.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // More than one address has places.
    let silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(there.address).unwrap()).collect();
    assert_eq!(get(&socket(&there.app), "/v1/status")["apps"], serde_json::json!([]));
    until("they are sent away", || Ran::of(&mut there.verb(["ps"])).is_ok().then_some(()));
    drop(silent);
}

/// A host that could be asked by anybody does not start.
#[test]
fn a_host_that_is_open() {
    let refused = |break_it: &dyn Fn(&App), message: &str, hint: &str| {
        let app = configured(&Authority::new());
        break_it(&app);
        let ran = WATTLE.host(&app).args(["--config", "host.toml"]).refused();
        assert!(ran.code == Some(3) || ran.code == Some(2), "{ran}");
        assert!(ran.stderr.contains(message) && ran.stderr.contains(hint), "{message}: {ran}");
    };
    let token = |text: &'static str| move |app: &App| fs::write(app.join("token"), text).unwrap();
    let (make, name) = ("make it with `(umask 077; openssl rand -hex 32 > ", "name the file that has the token");
    refused(&|app| fs::remove_file(app.join("token")).unwrap(), "cannot read ", make);
    refused(&token(""), "token has 0 characters, and a token has 32 to 1024", name);
    refused(&token("secret"), "token has 6 characters, and a token has 32 to 1024", name);
    refused(&token("0123456789abcdef 0123456789abcdef"), "holds something else than letters", name);
    let open = |app: &App| fs::set_permissions(app.join("token"), fs::Permissions::from_mode(0o640)).unwrap();
    refused(&open, "others than its owner may use ", "close it with `chmod 600 ");
    refused(&|app| fs::write(app.join("control.pem"), "x").unwrap(), "cannot use the certificate", "it must be PEM");
    let text = |text: &'static str| move |app: &App| fs::write(app.join("host.toml"), text).unwrap();
    refused(
        &text("[control]\nlisten = \"127.0.0.1:0\"\n"),
        "the key `cert` is missing in `control`",
        "add cert = \"control.pem\"",
    );
    refused(&text("[control]\n"), "the key `listen` is missing in `control`", "add listen = \"127.0.0.1:PORT\"");
    refused(&text("[control]\n"), "the key `token-file` is missing in `control`", "add token-file = \"token\"");
}

/// The certificate that `openssl req -x509` makes of itself is one of an authority.
#[test]
fn the_certificate_of_an_authority() {
    let there = Elsewhere::start();
    let pair = there.authority.own_pair();
    fs::write(there.app.join("control.key"), &pair.key).unwrap();
    fs::write(there.app.join("control.pem"), &pair.cert).unwrap();
    // Until it is, the one before is, or its key does not fit.
    let ran = until("it is shown", || {
        let ran = Ran::of(&mut there.verb(["ps"]));
        ran.stderr.contains("its certificate is one of an authority (CA:TRUE)").then_some(ran)
    });
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("-addext basicConstraints=critical,CA:FALSE"), "{ran}");
}

/// An address that somebody has is changed where it is written.
#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let app = configured(&Authority::new());
    let text = fs::read_to_string(app.join("host.toml")).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(app.join("host.toml"), text.replace("127.0.0.1:0", &address)).unwrap();
    let ran = WATTLE.host(&app).args(["--config", "host.toml"]).refused();
    assert!(ran.code == Some(3) && ran.stderr.contains("for the control protocol"), "{ran}");
    assert!(ran.stderr.contains("change `listen` in [control] of host.toml"), "{ran}");
}

/// What is said to whoever asks in the wrong way.
#[test]
fn asked_in_the_wrong_way() {
    let there = Elsewhere::start();
    let said = |change: &dyn Fn(&mut Command), code: i32, message: &str, hint: &str| {
        let mut command = there.verb(["ps"]);
        change(&mut command);
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(ran.stderr.contains(message) && ran.stderr.contains(hint), "{message}: {ran}");
    };
    let app = secret(App::empty(), "other", OTHER).file("other.pem", Authority::new().root_pem());
    let other = app.join("other");
    let trusting = ["--control-token", "token", "--control-ca", "ca.pem"];
    let url = |url: String| move |ps: &mut Command| _ = ps.args(["--control", &url]).args(trusting);
    said(&|ps| _ = ps.env_remove("WATTLE_CONTROL_TOKEN_FILE"), 3, "without its token", "--control-token FILE");
    said(&|ps| _ = ps.arg("--control-token").arg(&other), 2, "this is not the token of this host", "--control-token");
    said(
        &|ps| _ = ps.args(["--control-token", "nowhere"]),
        3,
        "cannot read nowhere",
        "copy the file that `token-file` names",
    );
    said(&|ps| _ = ps.env_remove("WATTLE_CONTROL_CA"), 1, "nobody who is trusted here vouches", "--control-ca FILE");
    said(
        &|ps| _ = ps.arg("--control-ca").arg(app.join("other.pem")),
        1,
        "cannot ask the host at https://",
        "--control-ca",
    );
    said(&|ps| _ = ps.args(["--control-ca", "token"]), 3, "there is no certificate in token", "--control-ca FILE");
    let port = there.address.port();
    said(
        &url(format!("https://localhost:{port}")),
        1,
        "cannot ask the host at https://localhost",
        "a name of its certificate",
    );
    // What the environment has is for the host that it names.
    let named = format!("https://{}", there.address);
    said(&|ps| _ = ps.args(["--control", &named]), 3, "without its token", "--control-token FILE");
    let nowhere = |ps: &mut Command| _ = ps.env_remove("WATTLE_CONTROL").args(["--control-ca", "ca.pem"]);
    said(&nowhere, 3, "and none is named", "--control https://HOST:PORT");
    let address = there.address.to_string();
    said(&|ps| _ = ps.args(["--control", &address]), 1, "nobody answers there", &format!("written as {named}"));
    said(&url(format!("http://127.0.0.1:{port}")), 2, "over TLS alone: write https://", "");
    for wrong in ["https://127.0.0.1", "https://a:1/path", "https://me:secret@a:1", "ftp://a:1", "https://"] {
        said(&url(wrong.into()), 2, "https://HOST:PORT", "");
    }
    said(&|ps| _ = ps.env("WATTLE_CONTROL", "http://a:1"), 3, "WATTLE_CONTROL names no host", "https://HOST:PORT");
    // A port where nobody listens any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    said(&url(format!("https://{gone}")), 1, "nobody answers there", "correct the address");
}
