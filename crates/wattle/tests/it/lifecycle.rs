//! `docs/concepts/lifecycle.md`: the states that it draws are those of the code, and what happens is drawn.

use std::collections::BTreeSet;

use serde_json::Value;
use wattle_spec::control::AppState;
use wattle_testkit::{App, guests};

use crate::WATTLE;
use crate::daemon::host;

const PAGE: &str = include_str!("../../../../docs/concepts/lifecycle.md");

/// All that an app of this version can be in.
fn states() -> BTreeSet<String> {
    let following = |state: Option<AppState>| match state {
        None => Some(AppState::Starting),
        Some(AppState::Starting) => Some(AppState::Running),
        Some(AppState::Running) => Some(AppState::Asleep),
        Some(AppState::Asleep) => Some(AppState::Updating),
        Some(AppState::Updating) => Some(AppState::Stopping),
        Some(AppState::Stopping) => Some(AppState::Stopped),
        Some(AppState::Stopped) => Some(AppState::Failed),
        // Of a newer host.
        Some(AppState::Failed | AppState::Unknown) => None,
    };
    std::iter::successors(following(None), |state| following(Some(*state))).map(|state| state.to_string()).collect()
}

/// The arrows of the diagram.
fn arrows() -> BTreeSet<(String, String)> {
    let diagram = PAGE.split_once("```mermaid").unwrap().1.split_once("```").unwrap().0;
    let arrow = |line: &str| {
        let (from, rest) = line.trim().split_once(" --> ")?;
        Some((from.to_owned(), rest.split(':').next()?.to_owned()))
    };
    diagram.lines().filter_map(arrow).collect()
}

#[test]
fn states_are_drawn_and_told() {
    let mut drawn: BTreeSet<String> = arrows().into_iter().flat_map(|(from, to)| [from, to]).collect();
    assert!(drawn.remove("[*]"));
    assert_eq!(drawn, states());
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.map(ToOwned::to_owned).collect::<BTreeSet<_>>(), states());
}

/// Whatever becomes of an app, an arrow leads there.
#[test]
fn what_happens_is_drawn() {
    let trap = "(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))";
    let well = "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n\
                [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n";
    let sick = "name = \"shop\"\n[components.web]\nsource = \"trap.wat\"\n";
    let app = App::empty().guest(&guests::hello()).file("trap.wat", trap);
    let app = app.file("wattle.toml", well).file("sick.toml", sick);
    let run = |verb: &[&str], code: i32| {
        let ran = WATTLE.run(&app, verb);
        assert_eq!(ran.code, Some(code), "{verb:?}: {ran}");
        ran.stdout
    };
    let check = |expected: &[&str]| {
        let events = run(&["events", "--json", "shop"], 0);
        let mut seen = vec!["[*]".to_owned()];
        for event in events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            match (event["report"].as_str(), event["state"].as_str()) {
                (Some("removed"), _) => seen.push("[*]".into()),
                (_, Some(state)) => seen.push(state.into()),
                _ => {}
            }
        }
        assert_eq!(seen[1..], *expected, "{events}");
        let arrows = arrows();
        for pair in seen.windows(2) {
            assert!(pair[0] == pair[1] || arrows.contains(&(pair[0].clone(), pair[1].clone())), "{pair:?}: {arrows:?}");
        }
    };
    let server = host(&app);
    run(&["apply", "sick.toml"], 1);
    run(&["apply", "wattle.toml"], 0);
    run(&["apply", "sick.toml"], 1);
    run(&["stop", "shop"], 0);
    run(&["apply", "sick.toml"], 1);
    run(&["start", "shop"], 0);
    check(&[
        "starting", "failed", "[*]", "starting", "running", "updating", "running", "stopping", "stopped", "starting",
        "stopped", "starting", "running",
    ]);
    server.kill();
    let server = host(&app);
    assert_eq!(server.get("/").status(), 200);
    check(&["starting", "running"]);
    run(&["rm", "shop"], 0);
    check(&["starting", "running", "stopping", "[*]"]);
}
