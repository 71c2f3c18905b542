//! How much a host holds: many apps, of which each is used now and then.
//!
//! `WATTLE_DENSITY` says how many (CI: 1,000; without it a few).

use std::fs;
use std::time::{Duration, Instant};

use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::{App, Program, Ran, Server, guests};

use crate::{ALLOWANCE, all_but, alone, milliseconds, number_of, wattle};

/// How often the first app is asked before anything is measured.
const OFTEN: usize = 64;
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

const FIRST_P99: &str = "first, p99 ms";
const USED: &str = "used, KiB each";

/// How many apps there are, and of which binary.
struct Setting {
    apps: usize,
    program: Program,
}

impl Setting {
    fn of_environment() -> Self {
        let apps = number_of("WATTLE_DENSITY", 200);
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
    let ask = |server: &Server, name: &str| {
        let mut connection = server.connect().host(&format!("{name}.test"));
        let began = Instant::now();
        let answer = connection.call("GET", "/", b"");
        assert_eq!(answer.text(), "Hello from Wattle\n", "{name}: {}", answer.summary());
        began.elapsed()
    };
    // What is done once is done with the first.
    apply(&names[..1]);
    (0..OFTEN).for_each(|_| _ = ask(&server, &names[0]));
    let empty = server.process().resident_bytes();
    let began = Instant::now();
    names[1..].chunks(AT_ONCE).for_each(apply);
    let applied = began.elapsed() / setting.apps as u32;
    let after_apply = server.process().resident_bytes();

    // Those that sleep longest come first.
    let mut first: Vec<Duration> = names.iter().map(|name| ask(&server, name)).collect();
    first.sort_unstable();
    let p99 = all_but(&first, 0.01);
    let used = server.process().resident_bytes();

    server.kill();
    let began = Instant::now();
    let server = setting.host(&app);
    ask(&server, &names[setting.apps / 2]);
    let restarted = began.elapsed();
    let asleep = server.process().resident_bytes();
    assert!(server.stop().is_ok());

    let each = |now: u64| now.saturating_sub(empty) / setting.apps as u64;
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let figures = [
        ("apply, ms", milliseconds(applied)),
        ("first, p50 ms", milliseconds(all_but(&first, 0.5))),
        (FIRST_P99, milliseconds(p99)),
        ("start, ms", milliseconds(restarted)),
        ("empty, KiB", kib(empty)),
        ("applied, KiB each", kib(each(after_apply))),
        (USED, kib(each(used))),
        ("after a start, KiB", kib(asleep)),
    ];
    let row = format!("{} apps", setting.apps);
    let table = Table::new("apps on one host").row(&*row, figures);
    let table = table.promise(&row, FIRST_P99, Bound::AtMost(milliseconds(FIRST_P99_MAX)));
    table.promise(&row, USED, Bound::AtMost(kib(RESIDENT_MAX))).tell();
    assert!(each(after_apply.max(used)) <= RESIDENT_MAX, "{} bytes each", each(after_apply.max(used)));
    assert!(p99 <= FIRST_P99_MAX * ALLOWANCE, "{p99:?}");
    assert!(applied <= APPLY_MAX * ALLOWANCE, "{applied:?}");
    assert!(restarted <= RESTART_MAX * ALLOWANCE, "{restarted:?}");
}
