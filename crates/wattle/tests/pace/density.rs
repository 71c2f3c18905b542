//! How much a host holds: many apps, of which each is used now and then.
//!
//! `WATTLE_DENSITY` says how many (CI: 1,000; without it a few).

use std::fs;
use std::time::{Duration, Instant};

use wattle_testkit::process::Process;
use wattle_testkit::{App, Program, Ran, Server, guests};

use crate::{alone, say, wattle};

/// How many apps one `wattle apply` is told of.
const AT_ONCE: usize = 50;
/// The most that an app costs that sleeps, or is awake and idle, on average.
const RESIDENT_MAX: u64 = 150 << 10;
/// The most that the first request of an app takes, for 99 of 100 of them.
const FIRST_P99_MAX: Duration = Duration::from_millis(10);
/// The most that an apply takes on average, of apps whose components are compiled already.
const APPLY_MAX: Duration = Duration::from_millis(6);
/// The most that it takes from the start of a host to the first answer.
const RESTART_MAX: Duration = Duration::from_secs(10);
/// How many times longer it may take before that is a fault: CI's machines have other things to do, and its binary is not
/// optimised.
const ALLOWANCE: u32 = 10;

/// How many apps there are, and of which binary.
struct Setting {
    apps: usize,
    program: Program,
}

impl Setting {
    fn of_environment() -> Self {
        let apps = std::env::var("WATTLE_DENSITY").ok().and_then(|apps| apps.parse().ok()).unwrap_or(40);
        Self { apps, program: Program::new(wattle().leak()) }
    }

    /// A host that has a fifth of them in memory, at most.
    fn host(&self, app: &App) -> Server {
        let awake = self.apps.div_ceil(5).min(2_000);
        let app = fs::write(app.join("host.toml"), format!("[limits]\nawake-components = {awake}\n")).map(|()| app);
        self.program.host(app.unwrap()).args(["--config", "host.toml", "--log-format", "json"]).start()
    }
}

#[test]
fn many_apps() {
    let _alone = alone();
    let setting = Setting::of_environment();
    let app = App::empty();
    let hello = fs::read(guests::hello()).unwrap();
    let names: Vec<String> = (0..setting.apps).map(|number| format!("app-{number}")).collect();
    for name in &names {
        fs::create_dir(app.join(name)).unwrap();
        fs::write(app.join(name).join("hello.wasm"), &hello).unwrap();
        let manifest = format!(
            "name = \"{name}\"\n[components.web]\nsource = \"hello.wasm\"\n\
             [[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"web\"\n"
        );
        fs::write(app.join(name).join("wattle.toml"), manifest).unwrap();
    }
    let server = setting.host(&app);
    let apply = |names: &[String]| {
        let ran = Ran::of(setting.program.command(&app).arg("apply").args(names));
        assert!(ran.is_ok(), "{ran}");
    };
    // What is compiled is compiled once.
    apply(&names[..1]);
    let empty = resident(server.process());
    let began = Instant::now();
    names[1..].chunks(AT_ONCE).for_each(apply);
    let applied = began.elapsed() / setting.apps as u32;
    let after_apply = resident(server.process());

    let ask = |server: &Server, name: &str| {
        let mut connection = server.connect().host(&format!("{name}.test"));
        let began = Instant::now();
        let answer = connection.call("GET", "/", b"");
        assert_eq!(answer.text(), "Hello from Wattle\n", "{name}: {}", answer.summary());
        began.elapsed()
    };
    // Those that sleep longest come first.
    let mut first: Vec<Duration> = names.iter().map(|name| ask(&server, name)).collect();
    first.sort_unstable();
    let p99 = first[first.len() * 99 / 100 - 1];
    let used = resident(server.process());

    server.kill();
    let began = Instant::now();
    let server = setting.host(&app);
    ask(&server, &names[setting.apps / 2]);
    let restarted = began.elapsed();
    let asleep = resident(server.process());
    assert!(server.stop().is_ok());

    let each = |now: u64| now.saturating_sub(empty) / setting.apps as u64;
    say(&format!(
        "{} apps: {} ms to apply one, {:.1} ms (p99; median {:.1}) to its first answer, {} ms from start to answer; \
         resident {} MiB without, {} KiB each when all were applied, {} KiB when all were used, {} MiB after a start",
        setting.apps,
        applied.as_millis(),
        p99.as_secs_f64() * 1e3,
        first[first.len() / 2].as_secs_f64() * 1e3,
        restarted.as_millis(),
        empty >> 20,
        each(after_apply) >> 10,
        each(used) >> 10,
        asleep >> 20,
    ));
    assert!(each(after_apply.max(used)) <= RESIDENT_MAX, "{} bytes each", each(after_apply.max(used)));
    assert!(p99 <= FIRST_P99_MAX * ALLOWANCE, "{p99:?}");
    assert!(applied <= APPLY_MAX * ALLOWANCE, "{applied:?}");
    assert!(restarted <= RESTART_MAX * ALLOWANCE, "{restarted:?}");
}

/// How much of a process is in memory, in bytes.
fn resident(process: Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.0)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
