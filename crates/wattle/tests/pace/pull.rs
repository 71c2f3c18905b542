//! How fast a component comes here, beside how fast anything can.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wattle_spec::digest::Digest;
use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::{App, Line, Ran, Registry, guests, tools};

use crate::{alone, wattle};

/// What is pulled, in bytes.
const LEN: usize = 10_000_000;
/// The line between the registry and us, in bytes per second: 200 Mbit/s.
const LINE: u32 = 25_000_000;
/// How often both are measured, at most: the best of each counts, as other work on the machine only makes it slower.
const ROUNDS: usize = 10;
/// What part of the pace of `curl` a pull reaches.
const SHARE: f64 = 0.8;
/// Below what part it is a fault, on a machine that has other things to do for its disk.
const SHARE_MIN: f64 = 0.5;

const OF_CURL: &str = "of curl";

/// The best times so far.
struct Best {
    pull: Duration,
    curl: Duration,
}

impl Best {
    fn share(&self) -> f64 {
        self.curl.as_secs_f64() / self.pull.as_secs_f64()
    }

    fn figures(&self) -> [(&'static str, f64); 3] {
        let pace = |time: Duration| LEN as f64 / 1e6 / time.as_secs_f64();
        [("pull, MB/s", pace(self.pull)), ("curl, MB/s", pace(self.curl)), (OF_CURL, self.share())]
    }
}

/// Both are measured from their start to their end. A pull has much in it that `curl` has not, whatever the pace: it
/// makes a store, finds out where the tag leads, checks each byte, and has all of it on the disk when it ends. What that
/// costs without a line is told, too.
#[test]
fn a_pull_is_nearly_as_fast_as_curl() {
    let _alone = alone();
    let wattle = wattle();
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().file("large.wasm", guests::large(LEN));
    let Some(_) = tools::curl(&app) else { return };
    let at = |authority: &str| format!("{authority}/tests/large:1");
    let mut push = command(&app, Path::new(&wattle), "pushed");
    let pushed = Ran::of(push.args(["push", "large.wasm", &at(&registry.authority())]));
    assert!(pushed.is_ok(), "{pushed}");

    let measured = |authority: &str, enough: f64| {
        let mut best = Best { pull: Duration::MAX, curl: Duration::MAX };
        for round in 0..ROUNDS {
            best.curl = best.curl.min(curl(&app, authority));
            let cache = format!("{authority}-{round}");
            let mut pull = command(&app, Path::new(&wattle), &cache);
            best.pull = best.pull.min(timed(pull.args(["pull", &at(authority)])));
            if best.share() >= enough {
                break;
            }
        }
        best
    };
    let line = Line::to(registry.authority().parse().unwrap(), LINE);
    let best = measured(&line.authority(), SHARE);
    let row = format!("on a line of {} MB/s", LINE / 1_000_000);
    let table = Table::new("a component of 10 MB from a registry").row(&*row, best.figures());
    let table = table.row("without a line", measured(&registry.authority(), SHARE).figures());
    table.promise(&row, OF_CURL, Bound::AtLeast(SHARE)).tell();
    assert!(best.share() >= SHARE_MIN, "{:?}", best.figures());
}

/// `wattle` in the directory of `app`, with a cache of its own.
fn command(app: &App, wattle: &Path, cache: &str) -> Command {
    let mut command = Command::new(wattle);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).current_dir(app.path());
    command.env("XDG_CACHE_HOME", app.cache_dir().join(cache)).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn curl(app: &App, authority: &str) -> Duration {
    let digest = Digest::of(&fs::read(app.join("large.wasm")).unwrap());
    let url = format!("http://{authority}/v2/tests/large/blobs/{digest}");
    let _ = fs::remove_file(app.join("fetched"));
    let mut curl = tools::curl(app).expect("invariant: it was there");
    let time = timed(curl.args(["--output", "fetched", &url]));
    assert_eq!(Digest::of(&fs::read(app.join("fetched")).unwrap()), digest);
    time
}

/// How long a command takes that has to end well.
#[track_caller]
fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.status().unwrap();
    let time = begun.elapsed();
    assert!(status.success(), "{status}");
    time
}
