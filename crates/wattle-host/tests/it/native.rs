//! Capabilities of the program around the host: who calls them, what they may do, what cannot be one.

mod dice;
mod faulty;
mod together;

use std::sync::{Arc, Mutex};

use wattle_testkit::{Connection, until};

use self::dice::{Dice, casino};
use crate::site::Site;

/// A host with `dice` that runs the casinos of these names, each below the path of its name.
fn site(dice: &Dice, names: &[&str], lines: &str) -> Site {
    let given = dice.clone();
    let site = Site::empty(|host| host.capability(given));
    for name in names {
        let (app, bytes) = casino(&site.host, name, lines).unwrap();
        site.wait(site.host.start(&app, &bytes)).unwrap();
    }
    site
}

/// The calls of two apps are told apart, each with what it was called by and until when.
#[test]
fn it_is_told_for_whom() {
    let dice = Dice::default();
    let site = site(&dice, &["red", "black"], "limits.deadline = \"7s\"");
    let rolls = ["/red/6", "/black/6", "/red/20"].map(|path| site.get(path).summary());
    assert_eq!(rolls, ["200 61", "200 61", "200 202"]);
    let calls = dice.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.app.as_str(), call.component.as_str())).collect();
    assert_eq!(seen, [("red", "croupier"), ("black", "croupier"), ("red", "croupier")]);
    assert!(calls.iter().all(|call| call.trigger == "http"));
    assert!(calls.iter().all(|call| call.left.unwrap() <= std::time::Duration::from_secs(7)));
    assert_ne!(calls[0].request, calls[1].request);
}

/// A manifest that imports it is no app of a host that has it not, and one of a host that has it is told with the others.
#[test]
fn without_it() {
    let site = Site::empty(|host| host);
    let error = casino(&site.host, "red", "").unwrap_err();
    assert!(error.to_string().contains("imports `acme:dice/roll@0.1.0`, which nothing here provides"), "{error}");
    assert!(error.hint().is_some());
    let own = Site::empty(|host| host.capability(Dice::default()));
    let more = own.host.offers().iter().filter(|offer| !wattle_host::offers().contains(offer));
    assert_eq!(more.map(|offer| offer.interface.to_string()).collect::<Vec<_>>(), ["acme:dice/roll@0.1.7"]);
}

/// A panic in it ends the request that called it, and nothing else: neither what runs beside it on the same core nor the
/// requests that follow. Of instances that are reused, none is left over.
#[test]
fn a_panic_ends_one_request() {
    let dice = Dice::default();
    let given = dice.clone();
    let site = Site::empty(|host| host.capability(given).cores(std::num::NonZeroUsize::MIN));
    let (app, bytes) = casino(&site.host, "red", "instances.reuse = 5").unwrap();
    site.wait(site.host.start(&app, &bytes)).unwrap();
    assert_eq!(site.get("/red/6").summary(), "200 61");
    let beside = std::thread::scope(|scope| {
        let beside = scope.spawn(|| site.get("/red/1000").summary());
        until("one waits", || (dice.calls().len() == 2).then_some(()));
        for _ in 0..3 {
            assert_eq!(site.get("/red/6").status(), 200);
            let answer = site.get("/red/13");
            assert_eq!((answer.status(), answer.text().contains("instance-lost")), (502, true), "{}", answer.summary());
        }
        dice.release();
        beside.join().unwrap()
    });
    assert!(beside.starts_with("200 1000"), "{beside}");
    assert!(site.get("/red/6").summary().starts_with("200 6"));
    until("all have ended", || (site.status_of("red").requests.unwrap().in_flight == 0).then_some(()));
    let warm = || site.counters("wattle_instances_warm").values().sum::<u64>();
    until("what panicked is gone", || (warm() == 1).then_some(()));
}

/// One that waits is given up at the deadline of whoever called, and what it held is dropped.
#[test]
fn it_waits_until_the_deadline() {
    let dice = Dice::default();
    let site = site(&dice, &["red"], "limits.deadline = \"200ms\"");
    let answer = site.get("/red/1000");
    assert_eq!((answer.status(), answer.text().contains("deadline")), (504, true), "{}", answer.summary());
    until("its future is dropped", || (dice.waiting() == 0).then_some(()));
    assert_eq!(site.get("/red/6").summary(), "200 62");
}

/// A call that was begun ends with its client.
#[test]
fn it_ends_with_its_client() {
    let dice = Dice::default();
    let site = site(&dice, &["red"], "");
    let mut connection = Connection::open(site.address);
    connection.send(b"GET /red/1000 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    until("it waits", || (dice.waiting() == 1).then_some(()));
    drop(connection);
    until("its future is dropped", || (dice.waiting() == 0).then_some(()));
}

/// What a host tells is told: the runs of a schedule that call it.
#[test]
fn reports() {
    let dice = Dice::default();
    let reports = Arc::<Mutex<Vec<String>>>::default();
    let seen = reports.clone();
    let given = dice.clone();
    let site = Site::empty(|host| {
        host.capability(given).reports(move |report| seen.lock().unwrap().push(format!("{report:?}")))
    });
    let cron = "[[triggers.cron]]\ncomponent = \"croupier\"\nschedule = \"* * * * * *\"";
    let (app, bytes) = casino(&site.host, "red", cron).unwrap();
    site.wait(site.host.start(&app, &bytes)).unwrap();
    until("it ran", || reports.lock().unwrap().iter().any(|report| report.starts_with("CronRan")).then_some(()));
    assert!(dice.calls().iter().any(|call| call.trigger == "cron"));
}
