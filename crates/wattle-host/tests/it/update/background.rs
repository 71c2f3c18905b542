//! Messages, schedules and services while an app is updated.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, Message};
use wattle_host::StartError;
use wattle_spec::control::ServiceState;
use wattle_spec::report::Report;
use wattle_testkit::{Connection, until};

use crate::clock::HeldClock;
use crate::site::{Site, Version, shop, version};

fn post(name: &str) -> Version {
    let links = "links = { 'wasi:keyvalue' = 'memory', 'wasmcloud:messaging' = 'memory' }";
    let trigger = "[[triggers.message]]\nsubject = \"jobs\"\ncomponent = \"web\"\n";
    shop("courier", &format!("{links}\nconfig.version = \"{name}\"\n{trigger}"))
}

/// What is published all the time is handled, each once; also one that is being handled when the update comes.
#[test]
fn messages() {
    let versions = [post("one"), post("two")];
    let site = Site::start(&versions[0]);
    let owner = Owner::App(versions[0].app.id.clone());
    let ends = AtomicBool::new(false);
    let publish = |body: String| {
        let message =
            Message { subject: "jobs".parse().unwrap(), body: body.into(), reply_to: None, headers: Vec::new() };
        site.wait(site.bus.publish(&owner, message)).unwrap();
    };
    let count = thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut count = 0;
            while count == 0 || !ends.load(Ordering::Relaxed) {
                let word = if count % 20 == 0 { "slow" } else { "job" };
                publish(format!("{word} {count}"));
                count += 1;
                // As fast as they are handled, more or less.
                site.get("/none");
            }
            count
        });
        for turn in 1..=20 {
            site.update(&versions[turn % 2]).unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        publisher.join().unwrap()
    });
    let seen = until("all are handled", || {
        let seen: BTreeMap<String, u64> = serde_json::from_str(&site.get("/seen").text()).unwrap();
        (seen.len() >= count).then_some(seen)
    });
    assert!(count > 0 && seen.len() == count && seen.values().all(|times| *times == 1), "{count}: {seen:?}");
}

/// Each tick of each second runs once, whether the clock goes before an update or beside it.
#[test]
fn schedules() {
    let clock = HeldClock::at("2026-11-21T10:00:00.5Z");
    let held = clock.clone();
    let site = Site::empty(|host| host.clock(held));
    let job = |name: &str| {
        shop(
            "hello",
            &format!(
                "config.version = \"{name}\"\n[components.job]\nsource = \"module.wasm\"\n[[triggers.cron]]\n\
                 component = \"job\"\nschedule = \"* * * * * *\"\noverlap = \"queue\"\n[limits]\ncron-backlog = 100\n"
            ),
        )
    };
    let versions = [job("one"), job("two")];
    site.update(&versions[0]).unwrap();
    until("it sleeps", || (clock.naps() > 0).then_some(()));
    let ran = || {
        let ran = site.reports().into_iter().filter_map(|report| match report {
            Report::CronRan { tick, .. } => Some(tick.at.format("%T").to_string()),
            Report::CronSkipped { tick, reason } => panic!("{} was skipped: {reason}", tick.at),
            _ => None,
        });
        ran.collect::<Vec<_>>()
    };
    for second in 1..=40 {
        if second % 2 == 0 {
            clock.pass(Duration::from_secs(1));
        }
        site.update(&versions[second % 2]).unwrap();
        if second % 2 == 1 {
            clock.pass(Duration::from_secs(1));
        }
        until("the tick has run", || (ran().len() >= second).then_some(()));
    }
    let mut all = ran();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), ran().len()), (40, 40), "{all:?}");
}

/// A tick that waits for its turn goes over to the next version; runs wait for those of the version before.
#[test]
fn ticks_that_wait() {
    let clock = HeldClock::at("2026-11-21T10:00:00.5Z");
    let held = clock.clone();
    let site = Site::empty(|host| host.clock(held));
    let job = |command: &str| {
        version(&format!(
            "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nenv.COMMAND = \"{command}\"\n\
             limits.deadline = \"1s\"\n[[triggers.cron]]\ncomponent = \"job\"\nschedule = \"* * * * * *\"\n\
             overlap = \"queue\"\n"
        ))
    };
    site.update(&job("wait")).unwrap();
    for second in 1..=2 {
        let naps = clock.naps();
        until("it sleeps", || (clock.naps() >= second).then_some(()));
        clock.pass(Duration::from_secs(1));
        until("it has decided", || (clock.naps() > naps).then_some(()));
    }
    site.update(&job("show")).unwrap();
    until("both have run", || (site.reports().len() >= 2).then_some(()));
    let told: Vec<_> = site
        .reports()
        .iter()
        .map(|report| match report {
            Report::CronRan { tick, .. } => format!("ran {}", tick.at.format("%T")),
            Report::CronFailed { tick, .. } => format!("failed {}", tick.at.format("%T")),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["failed 10:00:01", "ran 10:00:02"]);
    let schedule = site.host.schedules(None).unwrap()[0].schedules[0].clone();
    assert_eq!((schedule.failures, schedule.running), (1, 0));
}

/// A call of a service that is under way ends on the version that it began on; none fails.
#[test]
fn calls_of_services() {
    let asks = |name: &str| {
        shop("caller-p3", &format!("config.version = \"{name}\"\n[services.pricing]\nsource = \"callee-p3.wasm\"\n"))
    };
    let versions = [asks("one"), asks("two")];
    let site = Site::start(&versions[0]);
    let ends = AtomicBool::new(false);
    let client = |how: &str| {
        let mut connection = Connection::open(site.address);
        while !ends.load(Ordering::Relaxed) {
            assert_eq!(connection.call("GET", &format!("/attempt/{how}"), b"").text(), format!("Ok({how:?})"));
        }
    };
    thread::scope(|scope| {
        let clients = ["1", "30", "300", "fine"].map(|how| scope.spawn(move || client(how)));
        for turn in 1..=20 {
            site.update(&versions[turn % 2]).unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
    assert_eq!(site.status().requests.unwrap().failed, 0);
}

/// What the health path calls of a service is asked of the service of the new version, before that takes over: one that does not
/// answer keeps it from that.
#[test]
fn a_service_behind_the_health_path() {
    let asks = |name: &str, path: &str| {
        shop(
            "caller-p3",
            &format!(
                "config.version = \"{name}\"\n[services.pricing]\nsource = \"callee-p3.wasm\"\n\
                 [health]\npath = \"{path}\"\ntimeout = \"500ms\"\n"
            ),
        )
    };
    let site = Site::start(&asks("one", "/attempt/fine"));
    let runs = |site: &Site| {
        let started = |report: &Report| matches!(report, Report::ServiceStarted { .. });
        site.reports().iter().filter(|report| started(report)).count()
    };
    assert_eq!(runs(&site), 1);
    let error = site.update(&asks("two", "/attempt/wait")).expect_err("its service never answers");
    assert!(matches!(error, StartError::Unhealthy { .. }), "{error}");
    assert_eq!((runs(&site), site.get("/attempt/fine").text()), (2, "Ok(\"fine\")".to_owned()));
    site.update(&asks("three", "/attempt/fine")).unwrap();
    assert_eq!((runs(&site), site.get("/attempt/fine").text()), (3, "Ok(\"fine\")".to_owned()));
}

/// One that listens begins when the one before it has let go of the address.
#[test]
fn a_service_that_listens() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listens = |name: &str| {
        shop(
            "hello",
            &format!(
                "config.version = \"{name}\"\n[services.job]\nsource = \"command.wasm\"\n\
                 env.COMMAND = \"listen {address}\"\nallow.listen = [\"{address}\"]\n"
            ),
        )
    };
    let versions = [listens("one"), listens("two")];
    let site = Site::start(&versions[0]);
    for turn in 1..=5 {
        site.update(&versions[turn % 2]).unwrap();
        until("it runs", || {
            let state = site.status().components.into_iter().find_map(|component| component.service);
            matches!(state, Some(ServiceState::Running { .. })).then_some(())
        });
    }
    let mut said = String::new();
    let mut connection = until("it listens", || TcpStream::connect(address).ok());
    connection.read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello");
    let is_again = |report: &Report| matches!(report, Report::ServiceRestarting { .. } | Report::ServiceFailed { .. });
    assert!(!site.reports().iter().any(is_again), "{:?}", site.reports());
}
