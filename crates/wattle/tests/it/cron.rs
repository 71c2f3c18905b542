//! Schedules: what runs at their times, what it sees, and what is told of it.

use serde_json::Value;
use wattle_testkit::{App, Server, guests};

use crate::WATTLE;

/// An app whose component `job` is the guest `command`, does what `command` says, and has a schedule with `lines`.
fn job(command: &str, more: &str, lines: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n{more}\n\
         [[triggers.cron]]\ncomponent = \"job\"\n{lines}\n"
    ))
}

/// The app, with code that is compiled once for all tests, and its log as JSON.
fn start(app: &App) -> Server {
    WATTLE.up(app).args(["--log-format", "json"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// The first line of the log whose message begins like this.
fn told(server: &Server, beginning: &str) -> Value {
    server.log.wait_for_json(beginning, |line| line["message"].as_str().is_some_and(|text| text.starts_with(beginning)))
}

const EACH_SECOND: &str = "schedule = \"* * * * * *\"";

#[test]
fn every_kind_of_command_runs() {
    let module = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\05\00\00\00tick\n")
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"#;
    let mut text = "name = \"shop\"\n".to_owned();
    for (name, file) in [("old", "module.wat"), ("two", "command.wasm"), ("three", "command-p3.wasm")] {
        text += &format!("[components.{name}]\nsource = \"{file}\"\n");
        text += &format!("[[triggers.cron]]\n{EACH_SECOND}\ncomponent = \"{name}\"\n");
    }
    let app = App::new(&text).file("module.wat", module);
    let server = start(&app);
    for (component, message) in [("old", "tick"), ("two", "Hello from Wattle"), ("three", "arguments [\"three\"]")] {
        let line = server.log.wait_for_json(message, |line| line["message"] == message);
        assert_eq!((&line["component"], &line["trigger"]), (&component.into(), &"cron".into()), "{line}");
        let run = line["request"].as_str().unwrap().to_owned();
        let ran =
            server.log.wait_for_json("the report", |line| line["run"] == *run && line["message"] == "schedule ran");
        let tick = ran["tick"].as_str().unwrap();
        assert!(tick.starts_with(&format!("default/shop/{component} at * * * * * * (UTC) of 20")), "{tick}");
    }
}

/// Nothing of the host's, its own variables, and which tick it is.
#[test]
fn what_a_run_sees() {
    let app = job("show", "", EACH_SECOND);
    let server = start(&app);
    told(&server, "schedule ran");
    let lines = server.log.json();
    let run = &lines.iter().find(|line| line["message"] == "schedule ran").unwrap()["run"];
    let said = lines.iter().filter(|line| line["request"] == *run).map(|line| line["message"].as_str().unwrap());
    let mut said: Vec<&str> = said.collect();
    said.sort_unstable();
    let [schedule, arguments, tick, own] = [1, 3, 2, 0].map(|place| said[place]);
    assert_eq!((own, schedule), ("COMMAND=show", "WATTLE_SCHEDULE=* * * * * *"));
    assert_eq!(arguments, "arguments [\"job\"]");
    assert!(tick.starts_with("WATTLE_TICK=20") && tick.ends_with('Z') && said.len() == 4, "{said:?}");
}

/// A run that fails is told with its reason, counted, and does not keep the next from running.
#[test]
fn failures() {
    for (command, more, reason) in [
        ("fail", "", "it ended with code 1"),
        ("panic", "", "wasm `unreachable` instruction executed; at "),
        ("spin", "limits = { deadline = \"50ms\" }", "it had not ended at its deadline"),
        ("wait", "limits = { deadline = \"50ms\" }", "it had not ended at its deadline"),
        ("grow", "limits = { memory = \"4MiB\" }", "(it has hit its limit memory)"),
    ] {
        let app = job(command, more, EACH_SECOND);
        let server = start(&app);
        for failures in [1, 2] {
            let line = server.log.wait_for_json("a failure", |line| line["failures"] == failures);
            let message = line["message"].as_str().unwrap();
            assert!(message.starts_with("schedule failed: ") && message.contains(reason), "{command}: {message}");
        }
    }
}

#[test]
fn a_tick_is_skipped_while_another_runs() {
    let app = job("wait", "limits = { deadline = \"10s\" }", EACH_SECOND);
    let server = start(&app);
    let line = told(&server, "schedule skipped");
    assert_eq!(line["message"], "schedule skipped: an earlier run has not ended");
}

/// When the host ends, a run under way may end, too; one that does not is cut after the limit `drain`.
#[test]
fn the_end() {
    let app = job("wait", "limits = { deadline = \"2s\" }", EACH_SECOND);
    let server = start(&app);
    server.log.wait_for("the guest", |line| line.contains("waiting"));
    let ran = server.stop();
    assert!(ran.is_ok() && ran.stderr.contains("it had not ended at its deadline"), "{ran}");

    let app = job("wait", "", EACH_SECOND).file("host.toml", "limits = { drain = \"200ms\" }\n");
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    server.log.wait_for("the guest", |line| line.contains("waiting"));
    assert_eq!(server.stop().code, Some(4));
}

/// A data directory is made where the last tick must not be forgotten.
#[test]
fn what_is_kept() {
    for (missed, kept) in [("skip", false), ("once", true)] {
        let app = job("", "", &format!("{EACH_SECOND}\nmissed = \"{missed}\""));
        let server = start(&app);
        told(&server, "schedule ran");
        assert!(server.stop().is_ok());
        assert_eq!(app.data_dir().exists(), kept, "{missed}");
    }
}

#[test]
fn schedules_are_explained() {
    let app = job("", "", "schedule = \"0 0 29 2 *\"\ntimezone = \"Asia/Tokyo\"");
    let explained = WATTLE.run(&app, ["explain"]).stdout;
    let line = explained.lines().last().unwrap();
    assert!(
        line.starts_with("  job  0 0 29 2 * (Asia/Tokyo)  next at 20") && line.ends_with("-02-28T15:00:00Z"),
        "{explained}"
    );
    let json: Value = serde_json::from_str(&WATTLE.run(&app, ["explain", "--json"]).stdout).unwrap();
    let schedule = &json["schedules"][0];
    assert_eq!((&schedule["component"], &schedule["timezone"]), (&"job".into(), &"Asia/Tokyo".into()));
    assert!(schedule["next"].as_str().unwrap().ends_with("-02-28T15:00:00Z"), "{json}");
}

#[test]
fn only_commands_run() {
    let app = App::new(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n\
         [[triggers.cron]]\nschedule = \"@daily\"\ncomponent = \"web\"\n[services.site]\nsource = \"hello.wasm\"\n",
    );
    assert_eq!(guests::hello().file_name().unwrap(), "hello.wasm");
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: `web` is no command, and only a command can run by itself
     --> ./wattle.toml:6:13
      |
    6 | component = "web"
      |             ^^^^^
      |
      = hint: it must export wasi:cli/run, or as a core module `_start`; it exports `wasi:http/incoming-handler@0.2.12`

    error: `site` is no command, and only a command can run by itself
     --> ./wattle.toml:7:11
      |
    7 | [services.site]
      |           ^^^^
      |
      = hint: it must export wasi:cli/run, or as a core module `_start`; it exports `wasi:http/incoming-handler@0.2.12`
    "#);
}
