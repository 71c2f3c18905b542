//! What is given to a component stays there: no output of ours repeats it.

use wattle_testkit::{App, guests};

use crate::WATTLE;

const CANARY: &str = "canary-7f3a";

fn app(guest: &std::path::Path) -> App {
    App::of(guest, &format!("config = {{ key = \"{CANARY}-config\" }}\nenv = {{ TOKEN = \"{CANARY}-env\" }}"))
}

#[test]
fn configuration_is_what_the_manifest_says() {
    let app = App::of(&guests::state(), "config = { currency = \"EUR\", empty = \"\", \"a.b/c\" = \"x\" }");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/config/currency").summary(), "200 EUR");
    assert_eq!(server.get("/config/empty").summary(), "200 ");
    assert_eq!(server.get("/config/a.b/c").summary(), "200 x");
    assert_eq!(server.get("/config/none").summary(), "404 {\"error\":\"no such key\"}");
    let all = server.get("/config").json();
    assert_eq!(all, serde_json::json!({ "currency": "EUR", "empty": "", "a.b/c": "x" }));
}

#[test]
fn no_verb_repeats_a_secret() {
    let app = app(&guests::state());
    for arguments in [&["check"][..], &["check", "--json"], &["explain"], &["explain", "--json"]] {
        let ran = WATTLE.run(&app, arguments);
        assert!(ran.is_ok() && !ran.to_string().contains(CANARY), "{arguments:?}: {ran}");
    }
}

/// Nor where a fault is beside it: what is shown of the file has stars there.
#[test]
fn no_fault_repeats_a_secret() {
    let component = |line: &str, at: &str, key: &str| faulty(App::of(&guests::state(), line), &[], at, key);
    let value = |value: &str| value.replace("CANARY", CANARY);
    component(&value("env = { DB_PASSWORD = 'CANARY', WORKERS = 4 }"), "4:", "env.WORKERS");
    component(&value("config = { api_key = 'CANARY', retries = 3 }"), "4:", "config.retries");
    component(&value("config = { a = { b = 'CANARY' } }"), "4:16", "config.a");
    component(&value("env = ['A=CANARY']"), "4:7", "env");
    component(&value("env = 'A=CANARY'"), "4:7", "env");
    component(&value("env = { 'BAD=NAME' = 'CANARY' }"), "4:9", "BAD=NAME");
    component(&value("env = { A = \"CANARY }"), "4:", "env =");
    component(&value("evn = { A = 'CANARY' }"), "4:1", "evn");
    component(&value("secrets = { stripe-key = 'CANARY' }"), "4:11", "secrets");

    let host = |text: &str, at: &str, key: &str| {
        let app = App::of(&guests::state(), "").file("host.toml", text);
        faulty(app, &["--config", "host.toml"], at, key);
    };
    host(&value("[backends.nats]\ntype = 'nats'\npassword = 'CANARY'\n"), "3:1", "password");
    host(&value("[backends.nats]\ntype = 'nats'\ntoken = 'CANARY'\n"), "3:1", "token");
    host(&value("[control]\ntoken = 'CANARY'\n"), "2:1", "token");
    host(&value("[telemetry]\nheaders = { a = 'CANARY', b = 1 }\n"), "2:", "headers.b");
    host(&value("[telemetry]\nheaders = { a = 'CANARY }\n"), "2:", "headers =");
}

/// Each verb that reads the app says where the fault is, and of what, and not what is secret.
#[track_caller]
fn faulty(app: App, more: &[&str], at: &str, key: &str) {
    for verb in ["check", "explain", "up"] {
        let ran = WATTLE.run(&app, [&[verb], more].concat());
        let told = ran.to_string();
        assert_eq!(ran.code, Some(2), "{verb}: {told}");
        assert!(told.contains(&format!(".toml:{at}")) && told.contains(key), "{verb}: {told}");
        assert!(!told.contains(CANARY), "{verb}: {told}");
    }
    let json = WATTLE.run(&app, [&["check", "--json"], more].concat()).to_string();
    assert!(json.contains("\"line\"") && !json.contains(CANARY), "{json}");
}

/// Nor does a host that is asked.
#[test]
fn no_answer_of_a_host_repeats_a_secret() {
    let text = format!(
        "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nconfig = {{ key = \"{CANARY}-config\" }}\n\
         env = {{ COMMAND = \"fail\", TOKEN = \"{CANARY}-env\" }}\n\
         [[triggers.cron]]\nschedule = \"@yearly\"\ncomponent = \"job\"\n"
    );
    let app = App::new(&text);
    let _server = WATTLE.up(&app).args(["--env", &format!("MORE={CANARY}-argument")]).start();
    assert_eq!(WATTLE.run(&app, ["cron", "run", "shop", "job"]).code, Some(1));
    for verb in [&["ps"][..], &["logs"], &["link", "list"], &["cron", "list"]] {
        for form in [&[][..], &["--json"]] {
            let ran = WATTLE.run(&app, verb.iter().chain(form));
            assert!(ran.is_ok() && !ran.stdout.is_empty() && !ran.to_string().contains(CANARY), "{verb:?}: {ran}");
        }
    }
}

/// The component has it, and neither the log nor an answer of ours does, whatever goes wrong.
#[test]
fn no_answer_and_no_log_repeats_a_secret() {
    let app = app(&guests::misbehave());
    let up = WATTLE.up(&app).args(["--env", &format!("MORE={CANARY}-argument")]);
    let server = up.env("WATTLE_LOG", "debug").env("HOST_SECRET", &format!("{CANARY}-host")).start();
    for target in ["/", "/panic", "/exit", "/no-answer", "/recurse", "/table", "/panic-after", "/none", "/%00"] {
        let answer = server.get(target);
        assert!(!answer.text().contains(CANARY), "{target}");
        assert!(!answer.head.headers.iter().any(|(_, value)| value.contains(CANARY)), "{target}");
    }
    let log = server.stop().stderr;
    assert!(log.contains("guest-trap") && !log.contains(CANARY), "{log}");
}
