//! Schedules by a clock that is held: each tick at most once, whatever the clock does and however many hosts there are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use wattle_backend::error::BackendError;
use wattle_backend::memory::MemoryKeyValue;
use wattle_host::{KeptTicks, TickBook};
use wattle_spec::name::AppId;
use wattle_spec::report::{Report, SkipReason};
use wattle_testkit::{Connection, until};

use crate::clock::HeldClock;
use crate::rig::Rig;

/// A component that does what `command` says, with a schedule that has `lines`.
fn job(command: &str, more: &str, lines: &str) -> String {
    format!(
        "name = \"shop\"\n{more}\n[components.job]\nsource = \"command.wasm\"\nenv.COMMAND = \"{command}\"\n\
         limits.deadline = \"1s\"\n[[triggers.cron]]\ncomponent = \"job\"\n{lines}\n"
    )
}

const HOURLY: &str = "schedule = \"@hourly\"";

#[test]
fn the_clock_is_set_back_and_forward() {
    let clock = HeldClock::at("2026-11-21T10:59:59Z");
    let rig = Rig::start(&job("", "", HOURLY), &clock, |host| host);
    clock.pass(Duration::from_secs(1));
    rig.told(1);
    // An hour back, and through it once more.
    clock.jump("2026-11-21T10:00:00Z");
    rig.told(2);
    for wall in ["2026-11-21T10:59:59Z", "2026-11-21T11:00:00Z", "2026-11-21T11:59:58Z"] {
        clock.jump(wall);
    }
    clock.pass(Duration::from_secs(1));
    rig.told(3);
    // An hour forward, beyond the next; then a suspend of ten minutes, until just after one.
    clock.jump("2026-11-21T13:10:00Z");
    rig.told(4);
    clock.jump("2026-11-21T13:50:00Z");
    clock.jump("2026-11-21T14:00:05Z");
    insta::assert_snapshot!(rig.told(5), @"
    ran 2026-11-21 11:00:00
    waits until 2026-11-21 11:00:00
    ran 2026-11-21 12:00:00
    skipped 2026-11-21 13:00:00: it was missed
    ran 2026-11-21 14:00:00
    ");
}

/// What a host missed that was down: nothing of it runs, or the last tick once; also when it comes back with its clock
/// an hour behind, no tick runs twice.
#[test]
fn a_host_that_was_down() {
    for (missed, expected) in [("skip", ""), ("once", "ran 2026-11-21 15:00:00")] {
        let manifest = job("", "", &format!("{HOURLY}\nmissed = \"{missed}\""));
        let store = Arc::new(MemoryKeyValue::default());
        let start = |clock: &HeldClock| {
            let store = store.clone();
            Rig::start(&manifest, clock, |host| host.tick_book(KeptTicks::new(store)))
        };
        let clock = HeldClock::at("2026-11-21T10:30:00Z");
        drop(start(&clock));
        clock.set("2026-11-21T15:30:00Z");
        let back = start(&clock);
        let told = if expected.is_empty() { back.told(0) } else { back.told(1) };
        assert_eq!(told, expected);
        clock.jump("2026-11-21T15:59:59Z");
        let ran = back.told(told.lines().count() + 1);
        assert!(ran.ends_with("ran 2026-11-21 16:00:00"), "{missed}: {ran}");
        drop(back);

        clock.set("2026-11-21T15:00:00Z");
        let behind = start(&clock);
        behind.told(1);
        clock.jump("2026-11-21T15:59:59Z");
        clock.jump("2026-11-21T16:59:59Z");
        assert_eq!(behind.told(2), "waits until 2026-11-21 16:00:00\nran 2026-11-21 17:00:00", "{missed}");
    }
}

/// Hosts that share a book: exactly one runs a tick.
#[test]
fn two_hosts() {
    let clock = HeldClock::at("2026-11-21T10:00:00.5Z");
    let store = Arc::new(MemoryKeyValue::default());
    let manifest = job("", "", "schedule = \"* * * * * *\"\noverlap = \"queue\"");
    let hosts = [store.clone(), store]
        .map(|store| Rig::start(&manifest, &clock, move |host| host.tick_book(KeptTicks::new(store))));
    for ticks in 1..=5 {
        clock.pass(Duration::from_secs(1));
        hosts.iter().for_each(|host| drop(host.told(ticks)));
    }
    let all: Vec<Report> = hosts.iter().flat_map(Rig::reports).collect();
    let ran = all.iter().filter_map(|report| match report {
        Report::CronRan { tick, .. } => Some(tick.at),
        _ => None,
    });
    let ran: Vec<_> = ran.collect();
    let claimed = |report: &&Report| matches!(report, Report::CronSkipped { reason: SkipReason::Claimed, .. });
    assert_eq!((ran.len(), all.iter().filter(claimed).count()), (5, 5), "{all:?}");
    assert_eq!(ran.iter().collect::<BTreeSet<_>>().len(), 5, "{ran:?}");
}

/// A book that nobody can read.
struct LostBook;

impl TickBook for LostBook {
    fn claim(&self, _: &AppId, _: &str, _: DateTime<Utc>) -> BoxFuture<'static, Result<bool, BackendError>> {
        Box::pin(async { Err(BackendError::Refused { reason: "the book is lost".into() }) })
    }

    fn last(&self, _: &AppId, _: &str) -> BoxFuture<'static, Result<Option<DateTime<Utc>>, BackendError>> {
        Box::pin(async { Err(BackendError::Refused { reason: "the book is lost".into() }) })
    }
}

#[test]
fn what_cannot_be_claimed_does_not_run() {
    let clock = HeldClock::at("2026-11-21T10:59:59Z");
    let rig = Rig::start(&job("", "", HOURLY), &clock, |host| host.tick_book(LostBook));
    clock.pass(Duration::from_secs(1));
    insta::assert_snapshot!(rig.told(1), @"skipped 2026-11-21 11:00:00: it could not be claimed: the change was refused: the book is lost");
}

/// A book that is there and answers nobody.
struct SilentBook;

impl TickBook for SilentBook {
    fn claim(&self, _: &AppId, _: &str, _: DateTime<Utc>) -> BoxFuture<'static, Result<bool, BackendError>> {
        Box::pin(std::future::pending())
    }

    fn last(&self, _: &AppId, _: &str) -> BoxFuture<'static, Result<Option<DateTime<Utc>>, BackendError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

#[test]
fn nobody_waits_for_ever_for_a_claim() {
    let clock = HeldClock::at("2026-11-21T10:59:59Z");
    let rig = Rig::start(&job("", "", HOURLY), &clock, |host| host.tick_book(SilentBook));
    until("the tick is given up", || {
        clock.pass(Duration::from_secs(1));
        (rig.count() == 1).then_some(())
    });
    insta::assert_snapshot!(rig.told(1), @"skipped 2026-11-21 11:00:00: it could not be claimed: there was no answer for 10s");
}

/// Three ticks while the first still runs, and how long all of it takes: each run one second.
fn three_ticks(more: &str, overlap: &str) -> (String, Duration) {
    let clock = HeldClock::at("2026-11-21T10:00:00.5Z");
    let lines = format!("schedule = \"* * * * * *\"\noverlap = \"{overlap}\"");
    let rig = Rig::start(&job("wait", more, &lines), &clock, |host| host);
    let begun = Instant::now();
    for _ in 1..=3 {
        let naps = clock.naps();
        clock.pass(Duration::from_secs(1));
        until("it has decided and sleeps again", || (clock.naps() > naps).then_some(()));
    }
    (rig.told(3), begun.elapsed())
}

#[test]
fn overlaps() {
    let (told, took) = three_ticks("", "allow");
    assert!(!told.contains("skipped") && took < Duration::from_millis(1_900), "{took:?}\n{told}");
    let (told, took) = three_ticks("", "queue");
    assert!(!told.contains("skipped") && took >= Duration::from_secs(3), "{took:?}\n{told}");
    insta::assert_snapshot!(three_ticks("", "skip").0, @"
    skipped 2026-11-21 10:00:02: an earlier run has not ended
    skipped 2026-11-21 10:00:03: an earlier run has not ended
    failed 2026-11-21 10:00:01: it had not ended at its deadline
    ");
    insta::assert_snapshot!(three_ticks("limits.cron-backlog = 2", "allow").0, @"
    skipped 2026-11-21 10:00:03: an earlier run has not ended
    failed 2026-11-21 10:00:01: it had not ended at its deadline
    failed 2026-11-21 10:00:02: it had not ended at its deadline
    ");
    // One at a time, of all schedules.
    let (told, took) = three_ticks("limits.cron-runs = 1", "allow");
    assert!(!told.contains("skipped") && took >= Duration::from_secs(3), "{took:?}\n{told}");
}

/// A run begins later by its jitter.
#[test]
fn jitter() {
    let clock = HeldClock::at("2026-11-21T10:59:59Z");
    let rig = Rig::start(&job("", "", &format!("{HOURLY}\njitter = \"10m\"")), &clock, |host| host);
    clock.pass(Duration::from_secs(1));
    let mut later = 0;
    until("it has run", || {
        clock.pass(Duration::from_secs(1));
        later += 1;
        (rig.count() == 1).then_some(())
    });
    let trigger: wattle_spec::cron::Schedule = "@hourly".parse().unwrap();
    let trigger = wattle_spec::cron::CronTrigger {
        component: "job".parse().unwrap(),
        schedule: trigger,
        zone: wattle_spec::cron::Zone::default(),
        overlap: wattle_spec::cron::Overlap::Skip,
        missed: wattle_spec::cron::Missed::Skip,
        jitter: Duration::from_secs(600),
    };
    let delay = trigger.delay("2026-11-21T11:00:00Z".parse().unwrap()).as_secs();
    assert!(delay > 10 && later >= delay, "{later} s in place of {delay} s");
}

/// Ten thousand schedules that are all due at noon: all run, and requests are answered meanwhile.
#[test]
fn ten_thousand_at_once() {
    const COUNT: usize = 10_000;
    let mut text = "name = \"shop\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
                    [components.web]\nsource = \"hello.wasm\"\n"
        .to_owned();
    let jobs = 0..8;
    jobs.clone().for_each(|job| text += &format!("[components.job-{job}]\nsource = \"module.wasm\"\n"));
    let other_hours = (0..24).filter(|hour| *hour != 12);
    let times = other_hours.flat_map(|hour| (1..60).map(move |minute| format!("0,{minute} 12,{hour} * * *")));
    let triggers = times.flat_map(|time| jobs.clone().map(move |job| (time.clone(), job)));
    for (schedule, job) in triggers.take(COUNT) {
        text += &format!("[[triggers.cron]]\nschedule = \"{schedule}\"\ncomponent = \"job-{job}\"\n");
    }
    let clock = HeldClock::at("2026-11-21T11:59:59Z");
    let rig = Rig::start(&text, &clock, |host| host);
    let mut connection = Connection::open(rig.address);
    let mut answer = || {
        let begun = Instant::now();
        assert_eq!(connection.call("GET", "/", b"").status(), 200);
        begun.elapsed()
    };
    answer();
    let begun = Instant::now();
    clock.pass(Duration::from_secs(1));
    let mut took = Vec::new();
    until("all have run", || {
        took.push(answer());
        (rig.count() >= COUNT).then_some(())
    });
    took.sort_unstable();
    let (middle, longest) = (took[took.len() / 2], took[took.len() - 1]);
    let measured = format!(
        "all ran within {:?}; of {} requests half within {middle:?}, all within {longest:?}",
        begun.elapsed(),
        took.len()
    );
    assert!(longest < Duration::from_secs(3) && middle < Duration::from_millis(50), "{measured}");
    let ran = rig.reports();
    let ran = ran.iter().filter_map(|report| match report {
        Report::CronRan { tick, .. } => Some(&tick.trigger),
        _ => None,
    });
    assert_eq!(ran.collect::<BTreeSet<_>>().len(), COUNT);
    assert_eq!(rig.count(), COUNT);
}
