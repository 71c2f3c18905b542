//! What a host is before anybody asks it something, and how soon whoever asks first is answered.
//!
//! `WATTLE_STANDING` says how many components are asked first (`cargo xtask bench`: 200; without it a few).

use std::fs;
use std::time::{Duration, Instant};

use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::{App, Connection, Program, Ran, Server, guests};

use crate::{ALLOWANCE, all_but, alone, is_shipped, milliseconds, number_of, wattle};

/// The most memory that a host has which has no apps: 40 MB.
const IDLE_MAX: u64 = 40_000_000;
/// What 99 of 100 components should take to their first byte at most, that a host has and nobody has asked yet, their code
/// compiled.
const FIRST_MAX: Duration = Duration::from_millis(3);
/// The most that it takes from `wattle up` to the first byte, of a component of some 100 KB that was never compiled.
const COLD_MAX: Duration = Duration::from_millis(400);
/// How often that is tried; the median counts.
const COLD_STARTS: usize = 7;

const RESIDENT: &str = "resident, MB";

#[test]
fn a_host_without_apps() {
    let _alone = alone();
    let app = App::empty();
    let host = Program::new(wattle().leak()).host(&app).start();
    let resident = host.process().resident_bytes();
    let table = Table::new("a host without apps").row("wattle host", [(RESIDENT, resident as f64 / 1e6)]);
    table.promise("wattle host", RESIDENT, Bound::AtMost(IDLE_MAX as f64 / 1e6)).tell();
    assert!(host.stop().is_ok());
    // What is not optimised has as much again of code.
    let most = if is_shipped() { IDLE_MAX } else { 2 * IDLE_MAX };
    assert!(resident <= most, "{resident} bytes");
}

/// Each of the components is another one, so that none finds code in memory.
#[test]
fn the_first_to_ask() {
    let _alone = alone();
    let (program, app) = (Program::new(wattle().leak()), App::empty());
    let names: Vec<String> = (0..number_of("WATTLE_STANDING", 10)).map(|number| format!("app-{number}")).collect();
    let echo = fs::read(guests::echo()).unwrap();
    for (number, name) in (0_u32..).zip(&names) {
        fs::create_dir(app.join(name)).unwrap();
        // A custom section, called `x`.
        let own = [&[0, 6, 1, b'x'], &number.to_le_bytes()[..]].concat();
        fs::write(app.join(name).join("echo.wasm"), [&echo[..], &own].concat()).unwrap();
        let manifest = format!(
            "name = \"{name}\"\n[components.web]\nsource = \"echo.wasm\"\n\
             [[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"web\"\n"
        );
        fs::write(app.join(name).join("wattle.toml"), manifest).unwrap();
    }
    let host = program.host(&app).start();
    let applied = Ran::of(program.command(&app).arg("apply").args(&names));
    assert!(applied.is_ok(), "{applied}");
    assert!(host.stop().is_ok());

    let host = program.host(&app).start();
    let mut first: Vec<Duration> = names.iter().map(|name| asked(&host, &format!("{name}.test"))).collect();
    assert!(host.stop().is_ok());
    first.sort_unstable();
    let p99 = all_but(&first, 0.01);
    let figures = [("p50, ms", milliseconds(all_but(&first, 0.5))), ("p99, ms", milliseconds(p99))];
    let table = Table::new(format!("the first request of each of {} components, compiled before", names.len()));
    table.row("wattle host", figures).tell();
    assert!(p99 <= FIRST_MAX * ALLOWANCE, "{p99:?}");
}

#[test]
fn nothing_compiled_before() {
    let _alone = alone();
    let program = Program::new(wattle().leak());
    let mut took: Vec<Duration> = (0..COLD_STARTS)
        .map(|_| {
            let app = App::of(&guests::echo(), "");
            let began = Instant::now();
            let host = program.up(&app).start();
            asked(&host, "localhost");
            let took = began.elapsed();
            assert!(host.stop().is_ok());
            took
        })
        .collect();
    took.sort_unstable();
    let median = all_but(&took, 0.5);
    let table = Table::new("from `wattle up` to the first byte, nothing compiled before");
    let table = table.row("wattle up", [("median, ms", milliseconds(median))]);
    table.promise("wattle up", "median, ms", Bound::AtMost(milliseconds(COLD_MAX))).tell();
    assert!(median <= COLD_MAX * ALLOWANCE, "{median:?}");
}

/// How long it takes from a connection to the answer of the app on `name`.
fn asked(server: &Server, name: &str) -> Duration {
    let began = Instant::now();
    let answer = Connection::open(server.address()).host(name).call("GET", "/", b"");
    let took = began.elapsed();
    assert_eq!(answer.status(), 200, "{name}: {}", answer.summary());
    took
}
