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
