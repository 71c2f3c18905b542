//! Schedules over the control socket: when they are due, how they ran, and a run that somebody asks for.

use serde_json::{Value, json};
use wattle_testkit::process::Signal;
use wattle_testkit::{App, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket, start, told};

/// An app whose component `job` does what `command` says, once a year. `more` are further schedules.
fn job(command: &str, more: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n\
         limits = {{ deadline = \"10s\" }}\n\
         [[triggers.cron]]\ncomponent = \"job\"\nschedule = \"@yearly\"\ntimezone = \"Asia/Tokyo\"\n{more}"
    ))
}

#[test]
fn schedules_and_their_last_runs() {
    let app = job("show", "");
    let _server = start(&app);
    let listed = || told(&app, ["cron", "list", "shop"])["hosts"][0]["apps"][0]["schedules"][0].clone();
    let schedule = listed();
    assert_eq!((&schedule["component"], &schedule["schedule"]), (&"job".into(), &"@yearly".into()));
    assert_eq!(
        (&schedule["timezone"], &schedule["trigger"]),
        (&"Asia/Tokyo".into(), &"job at @yearly (Asia/Tokyo)".into())
    );
    assert!(schedule["next"].as_str().unwrap().ends_with("-12-31T15:00:00Z"), "{schedule}");
    assert_eq!((&schedule["running"], &schedule["failures"], &schedule["last"]), (&0.into(), &0.into(), &Value::Null));
    let page = WATTLE.run(&app, ["cron", "list"]).stdout;
    assert!(page.starts_with("APP           COMPONENT  SCHEDULE  TIMEZONE    NEXT"), "{page}");
    assert!(page.trim_end().ends_with("-12-31T15:00:00Z  0        -"), "{page}");

    for what in ["job", "job at @yearly (Asia/Tokyo)"] {
        let run = told(&app, ["cron", "run", "shop", what]);
        assert_eq!((&run["component"], &run["failure"]), (&"job".into(), &Value::Null));
        assert_eq!(listed()["last"], run);
        let line = told_by_the_guest(&app, run["run"].as_str().unwrap(), "WATTLE_TICK");
        assert!(line.starts_with("WATTLE_TICK=20"), "{line}");
    }
    let ran = WATTLE.run(&app, ["cron", "run", "shop", "job"]);
    assert!(ran.is_ok() && ran.stdout.starts_with("job at @yearly (Asia/Tokyo) ran well in "), "{ran}");
    let page = WATTLE.run(&app, ["cron", "list"]).stdout;
    assert!(page.contains("Z, well, in "), "{page}");
}

/// The line of a run that begins like this.
fn told_by_the_guest(app: &App, run: &str, beginning: &str) -> String {
    let logs = WATTLE.run(app, ["logs", "shop/job", "--json"]).stdout;
    let lines = logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut of_run = lines.filter(|line| line["fields"]["request"] == run);
    let line = of_run.find(|line| line["message"].as_str().unwrap().starts_with(beginning));
    line.unwrap_or_else(|| panic!("{logs}"))["message"].as_str().unwrap().to_owned()
}

/// The exit code says it, and the next run is as good as any.
#[test]
fn a_run_that_fails() {
    for (command, reason) in [("fail", "it ended with code 1"), ("panic", "wasm `unreachable` instruction executed")] {
        let app = job(command, "");
        let _server = start(&app);
        let ran = WATTLE.run(&app, ["cron", "run", "shop", "job"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran}");
        assert!(ran.stderr.starts_with("error: `job at @yearly (Asia/Tokyo)` failed (run "), "{ran}");
        assert!(ran.stderr.contains(reason) && ran.stderr.contains("hint: what it said is in `wattle logs`"), "{ran}");
        let ran = WATTLE.run(&app, ["cron", "run", "shop", "job", "--json"]);
        let run: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(ran.code == Some(1) && run["failure"].as_str().unwrap().contains(reason), "{ran}");
        let schedule = told(&app, ["cron", "list"])["hosts"][0]["apps"][0]["schedules"][0].clone();
        assert_eq!((&schedule["failures"], &schedule["last"]), (&2.into(), &run));
    }
}

#[test]
fn what_cannot_be_run() {
    let app = job("", "[[triggers.cron]]\ncomponent = \"job\"\nschedule = \"@daily\"\n");
    let _server = start(&app);
    insta::assert_snapshot!(WATTLE.run(&app, ["cron", "run", "shop", "job"]), @r"
    exit: 2
    ----- stderr
    error: the component `job` of the app `default/shop` has several schedules
    hint: name one of them, as in 'job at @yearly (Asia/Tokyo)'
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["cron", "run", "shop", "jop"]), @r"
    exit: 2
    ----- stderr
    error: the app `default/shop` has no schedule `jop`
    hint: its schedules: `job at @yearly (Asia/Tokyo)` and `job at @daily (UTC)`
    ");
}

/// One that runs already keeps a second one from running where they must not overlap. It goes on when nobody waits for it
/// any more, and the end of the host waits for it.
#[test]
fn overlap_and_the_end() {
    let app = job("wait", "");
    let mut server = start(&app);
    let socket = socket(&app);
    let body = json!({ "action": "run-schedule", "app": "shop", "schedule": "job" }).to_string();
    let request = format!("POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut waiting = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    std::io::Write::write_all(&mut waiting, request.as_bytes()).unwrap();
    let running = || get(&socket, "/v1/schedules?app=shop")["apps"][0]["schedules"][0]["running"].clone();
    until("it runs", || (running() == 1).then_some(()));
    insta::assert_snapshot!(WATTLE.run(&app, ["cron", "run", "shop", "job"]), @r#"
    exit: 3
    ----- stderr
    error: `job at @yearly (Asia/Tokyo)` does not run now: earlier runs have not ended
    hint: wait for them, or let them overlap with `overlap = "queue"`
    "#);
    drop(waiting);
    server.process().signal(Signal::Terminate);
    server.log.wait_for("the end", |line| line.contains("stopping"));
    until("nothing more is run", || {
        let answer = exchange(&socket, request.as_bytes());
        (answer.contains(r#""code":"stopping""#)).then_some(())
    });
    assert_eq!(running(), 1, "it goes on");
    let ran = server.wait();
    assert!(ran.stderr.contains("it had not ended at its deadline") || ran.code == Some(4), "{ran}");
}

/// What a guest made up does nothing to a terminal: here the name of a function, in the calls of its trap.
#[test]
fn escapes_in_a_trap() {
    let module = r#"(module (memory (export "memory") 1)
        (func $trap (@name "\1b[2J\e2\80\aered") unreachable) (func (export "_start") (call $trap)))"#;
    let manifest = "name = \"shop\"\n[components.job]\nsource = \"job.wat\"\n\
                    [[triggers.cron]]\nschedule = \"@yearly\"\ncomponent = \"job\"\n";
    let app = App::empty().file("wattle.toml", manifest).file("job.wat", module);
    let _server = start(&app);
    for verb in [&["cron", "run", "shop", "job"][..], &["cron", "list"], &["logs"]] {
        let said = WATTLE.run(&app, verb).to_string();
        assert!(
            said.contains("\\u{1b}[2J\\u{202e}red") && !said.contains('\u{1b}') && !said.contains('\u{202e}'),
            "{said}"
        );
    }
}
