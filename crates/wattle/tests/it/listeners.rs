//! `wattle listener`: addresses that come and go while a host serves, and are remembered.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};
use wattle_testkit::process::Signal;
use wattle_testkit::{App, Authority, Connection, Ran, Server, guests, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket};
use crate::daemon::host;

/// An app that answers everything.
fn app() -> App {
    App::of(&guests::hello(), "")
}

/// What a verb says, with the ports as they are.
fn run<const N: usize>(app: &App, verb: [&str; N]) -> Ran {
    Ran::of(WATTLE.command(app).args(verb))
}

/// The same of one that ends well.
#[track_caller]
fn said<const N: usize>(app: &App, verb: [&str; N]) -> String {
    let ran = run(app, verb);
    assert!(ran.is_ok(), "{ran}");
    ran.stdout
}

#[track_caller]
pub(crate) fn add(app: &App, listen: &str) -> SocketAddr {
    let said = said(app, ["listener", "add", listen]);
    let url = said.strip_suffix(" added\n").unwrap_or_else(|| panic!("{said}"));
    url.split_once("://").unwrap().1.parse().unwrap()
}

/// Where the only host serves, and who asked for it.
#[track_caller]
fn listeners(app: &App) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&said(app, ["listener", "list", "--json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told["hosts"][0]["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["url"]), text(&one["origin"])))
        .collect()
}

fn listener(address: SocketAddr, origin: &str) -> (String, String) {
    (format!("http://{address}"), origin.into())
}

fn answers(address: SocketAddr) -> bool {
    Connection::try_open(address).is_ok_and(|mut connection| connection.call("GET", "/", b"").status() == 200)
}

fn record(app: &App) -> std::path::PathBuf {
    app.state_dir().join("wattle/listeners/added.json")
}

fn start(app: &App) -> Server {
    let server = host(app);
    if !answers(server.address()) {
        said(app, ["apply", "."]);
    }
    server
}

#[test]
fn they_come_and_go() {
    let app = app();
    let server = start(&app);
    let first = server.address();
    let added = add(&app, "127.0.0.1:0");
    assert!(answers(first) && answers(added));
    assert_eq!(listeners(&app), [listener(first, "command-line"), listener(added, "added")]);
    let mut open = Connection::open(added);
    assert_eq!(open.call("GET", "/", b"").status(), 200);
    let table = WATTLE.run(&app, ["listener", "list"]).stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["LISTENER", "FROM", "CONNECTIONS", "PID"]);
    assert_eq!(rows[1][..3], ["http://127.0.0.1:PORT", "command", "line"], "{table}");
    assert_eq!(rows[2][..3], ["http://127.0.0.1:PORT", "added", "1"], "{table}");
    let told: Value = serde_json::from_str(&said(&app, ["listener", "list", "--json"])).unwrap();
    assert_eq!(told["hosts"][0]["control"], socket(&app).to_str().unwrap());
    let expected = json!({ "url": format!("http://{added}"), "origin": "added", "connections": 1 });
    assert_eq!(told["hosts"][0]["listeners"][1], expected);
    assert_eq!(get(&socket(&app), "/v1/listeners")["listeners"], told["hosts"][0]["listeners"]);

    assert_eq!(said(&app, ["listener", "rm", &added.to_string()]), format!("http://{added} removed\n"));
    assert!(open.is_closed() && !answers(added) && answers(first));
    let asked = ["listener", "rm", &format!("http://{first}")];
    let until = "until the host is started again: the command line names it; the host serves nowhere now";
    assert_eq!(said(&app, asked), format!("http://{first} removed {until}\n"));
    assert_eq!(listeners(&app), []);
    assert!(said(&app, ["listener", "list"]).contains(" serves nowhere\n"));
    // It goes on, and can be had again.
    let told: Value = serde_json::from_str(&said(&app, ["listener", "add", &first.to_string(), "--json"])).unwrap();
    assert_eq!(told, json!({ "done": "listener-added", "url": format!("http://{first}"), "remembered": true }));
    assert!(answers(first));
    let told: Value = serde_json::from_str(&said(&app, ["listener", "rm", &first.to_string(), "--json"])).unwrap();
    let expected = json!({
        "done": "listener-removed", "url": format!("http://{first}"), "origin": "added", "cut": 0, "left": 0,
    });
    assert_eq!(told, expected);
    assert!(server.stop().is_ok());
}

/// What comes and goes is told: when it is served, when nothing is accepted any more, and when all has ended there.
#[test]
fn they_are_reported() {
    let app = App::of(&guests::misbehave(), "").file("host.toml", "[limits]\ndrain = \"500ms\"\n");
    let server = WATTLE.host(&app).args(["--config", "host.toml"]).start();
    said(&app, ["apply", "."]);
    let added = add(&app, "127.0.0.1:0");
    said(&app, ["listener", "rm", &added.to_string()]);
    let again = add(&app, "127.0.0.1:0");
    let mut busy = Connection::open(again);
    busy.request("GET", "/sleep?ms=60000", b"");
    until("it is under way", || (listeners_of(&app, again) == 1 && server.get("/state").status() == 200).then_some(()));
    let ran = run(&app, ["listener", "rm", &again.to_string()]);
    assert_eq!(ran.code, Some(4), "{ran}");
    let told = said(&app, ["events", "--json", "--tail", "1000"]);
    let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<Value> = told.filter(|event| event["report"].as_str().unwrap().starts_with("listener-")).collect();
    let fields = |event: &Value| ["report", "url", "origin", "remembered", "cut"].map(|field| event[field].clone());
    let expected = |address: SocketAddr, cut: u64| {
        let url = format!("http://{address}");
        [
            [json!("listener-added"), json!(url), Value::Null, json!(true), Value::Null],
            [json!("listener-removed"), json!(url), json!("added"), Value::Null, Value::Null],
            [json!("listener-ended"), json!(url), Value::Null, Value::Null, json!(cut)],
        ]
    };
    let all: Vec<_> = expected(added, 0).into_iter().chain(expected(again, 1)).collect();
    assert_eq!(told.iter().map(fields).collect::<Vec<_>>(), all);
    let words = said(&app, ["events"]);
    for word in [" host: serves on http://", " no more (added)\n", " have ended\n", " were cut: 1\n"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    // They are of no app.
    assert!(!said(&app, ["events", "misbehave"]).contains("serves on"));
    server.kill();
}

/// How many connections are open that came in at `address`.
#[track_caller]
fn listeners_of(app: &App, address: SocketAddr) -> u64 {
    let all = get(&socket(app), "/v1/listeners")["listeners"].clone();
    let url = format!("http://{address}");
    let found = all.as_array().unwrap().iter().find(|listener| listener["url"] == *url).unwrap();
    found["connections"].as_u64().unwrap()
}

/// However a host ends, what was added is there again, and what was removed is not.
#[test]
fn they_are_remembered() {
    let app = app();
    let server = start(&app);
    let [one, two, three] = [(); 3].map(|()| add(&app, "127.0.0.1:0"));
    said(&app, ["listener", "rm", &two.to_string()]);
    server.kill();
    let server = start(&app);
    let first = server.address();
    let added = |address| listener(address, "added");
    let mut again = [one, three];
    again.sort();
    assert_eq!(listeners(&app), [listener(first, "command-line"), added(again[0]), added(again[1])]);
    assert!(answers(one) && answers(three) && !answers(two));
    let ended = server.stop();
    assert_eq!(ended.stdout.lines().count(), 3, "{ended}");

    // Somebody else took one of them: that is told, and the others serve.
    let other = TcpListener::bind(one).unwrap();
    let server = start(&app);
    let told = format!("nobody serves on http://{one}, which was added");
    server.log.wait_for("it is told", |line| line.contains(&told));
    assert!(answers(three));
    let table = said(&app, ["listener", "list"]);
    assert!(table.contains("  not served: cannot listen on 127.0.0.1:"), "{table}");
    let told = said(&app, ["listener", "rm", &format!("http://{one}")]);
    assert_eq!(told, format!("http://{one} removed\n"));
    drop(other);
    // What the command line names, too, is not added a second time.
    assert!(server.stop().is_ok());
    let server =
        WATTLE.host(&app).args(["--listen", &three.to_string()]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let server = server.start();
    assert_eq!(listeners(&app), [listener(three, "command-line")]);
    assert!(said(&app, ["listener", "rm", &three.to_string()]).contains("removed until the host is started again"));
    assert!(server.stop().is_ok());
    assert_eq!(fs::read_to_string(record(&app)).unwrap(), "{\"format\":1,\"added\":[]}");
}

#[test]
fn what_is_refused() {
    let app = app();
    let server = start(&app);
    let first = server.address();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let check = |verb: &str, listen: &str, code: i32, parts: &[&str]| {
        let ran = run(&app, ["listener", verb, listen]);
        assert_eq!(ran.code, Some(code), "{verb} {listen}: {ran}");
        parts.iter().for_each(|part| assert!(ran.stderr.contains(part), "{part}: {ran}"));
    };
    check("add", &taken, 3, &["cannot listen on", "in use", "hint: another program listens there; port 0"]);
    check("add", "192.0.2.1:0", 3, &["cannot listen on 192.0.2.1:0", "this machine does not have that address"]);
    check("add", &first.to_string(), 2, &["serves on", "already (command line)"]);
    check("add", "https://127.0.0.1:0", 2, &["there is no certificate", "start the host with one"]);
    check("add", "localhost:80", 2, &["no IP address with a port"]);
    check("rm", &taken, 2, &["the host does not serve on", &format!("it serves on `http://{first}`")]);
    check("rm", &format!("https://{first}"), 2, &["the host does not serve on https://"]);
    check("rm", "127.0.0.1:0", 2, &["the host does not serve on 127.0.0.1:0"]);
    assert_eq!(listeners(&app), [listener(first, "command-line")]);
    assert!(!record(&app).exists());
    // What cannot be written down is not served. Root may write anywhere: what is in the place of a draft is in its way.
    fs::create_dir_all(record(&app).with_extension("json.new")).unwrap();
    check("add", "127.0.0.1:0", 3, &["cannot write", "added.json"]);
    assert_eq!(listeners(&app), [listener(first, "command-line")]);
    fs::remove_dir(record(&app).with_extension("json.new")).unwrap();
    // Nobody knows which one is meant.
    let second = crate::control::start(&app);
    check("add", "127.0.0.1:0", 2, &["several hosts run here", "--control PATH"]);
    assert!(second.stop().is_ok());
}

/// There is a bound to how many are added.
#[test]
fn there_are_not_too_many() {
    let app = app();
    let server = crate::control::start(&app);
    let socket = socket(&app);
    let body = r#"{"action":"add-listener","listen":"127.0.0.1:0"}"#;
    let length = body.len();
    let asked = format!("POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
    for _ in 0..64 {
        let answer = exchange(&socket, asked.as_bytes());
        assert!(answer.contains("\"done\":\"listener-added\""), "{answer}");
    }
    let answer = exchange(&socket, asked.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("\"too-many-listeners\""), "{answer}");
    let (last, _) = listeners(&app).pop().unwrap();
    said(&app, ["listener", "rm", &last]);
    said(&app, ["listener", "add", "127.0.0.1:0"]);
    assert!(server.stop().is_ok());
}

/// What is damaged, or of a later release, is told and left as it is.
#[test]
fn what_cannot_be_read() {
    let app = app();
    fs::create_dir_all(app.state_dir()).unwrap();
    start(&app).kill();
    fs::create_dir_all(record(&app).parent().unwrap()).unwrap();
    for (text, reason) in [("{", "does not say which listeners were added"), ("{\"format\":2}", "has the format 2")] {
        fs::write(record(&app), text).unwrap();
        let server = start(&app);
        server.log.wait_for("the reason", |line| line.contains(reason));
        let ran = run(&app, ["listener", "add", "127.0.0.1:0"]);
        assert!(ran.code == Some(3) && ran.stderr.contains(reason) && ran.stderr.contains("hint: "), "{ran}");
        // Those that nobody added can be removed all the same.
        said(&app, ["listener", "rm", &server.address().to_string()]);
        assert!(server.stop().is_ok());
        assert_eq!(fs::read_to_string(record(&app)).unwrap(), text);
    }
}

/// A host of one app forgets them, and speaks TLS on them if it has a certificate.
#[test]
fn on_a_host_of_one_app() {
    let authority = Authority::new();
    let pair = authority.pair(&["one.example"]);
    let app = app().file("one.pem", pair.cert).file("one.key", pair.key);
    let mut server = WATTLE.up(&app).args(["--tls-cert", "one.pem", "--tls-key", "one.key"]).start();
    let [secure, plain] = ["127.0.0.1:0", "http://127.0.0.1:0"].map(|listen| {
        let said = said(&app, ["listener", "add", listen]);
        let url = said.strip_suffix(" added until the host ends\n").unwrap_or_else(|| panic!("{said}"));
        url.parse::<http::Uri>().unwrap()
    });
    assert_eq!((secure.scheme_str(), plain.scheme_str()), (Some("https"), Some("http")));
    let address = |url: &http::Uri| url.authority().unwrap().as_str().parse::<SocketAddr>().unwrap();
    assert_eq!(authority.get(address(&secure), "one.example", "/").map(|answer| answer.status()), Ok(200));
    assert!(answers(address(&plain)));
    said(&app, ["listener", "rm", &secure.to_string().replace('/', "").replace("https:", "https://")]);
    assert!(Connection::try_open(address(&secure)).is_err());
    server.process().signal(Signal::Terminate);
    assert!(server.wait().is_ok());
}

/// What does not end in time is cut, and the command says so.
#[test]
fn what_does_not_end_is_cut() {
    let app = App::of(&guests::misbehave(), "").file("host.toml", "[limits]\ndrain = \"300ms\"\n");
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let mut stuck = server.connect();
    stuck.request("GET", "/hang-after", b"");
    assert_eq!(stuck.head().unwrap().status, 200);
    let ran = run(&app, ["listener", "rm", &server.address().to_string()]);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert!(ran.stdout.contains("removed until") && ran.stderr.contains("was cut: 1 connection\n"), "{ran}");
    assert!(stuck.is_closed());
    assert!(server.stop().is_ok(), "nothing is left");
}
