//! The link through which the messages of a trigger come, changed while its app runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use wattle_testkit::{App, NatsServer, Server, until};

use crate::WATTLE;
use crate::admin::get;
use crate::messages::{GUESTS, handled, post_of, publish, start, trigger};
use crate::nats::host_file;
use crate::relink::{Over, open_to, span};

#[track_caller]
fn is_led(app: &App, package: &str, backend: &str) {
    let ran = WATTLE.run(app, ["link", "set", "post", "a", &format!("{package}={backend}")]);
    assert!(ran.is_ok(), "{ran}");
}

/// Back and forth under load: what was published is handled, once.
#[test]
fn under_load() {
    for (guest, package) in GUESTS {
        let app = post_of((guest, package), &["a"], "memory", &trigger("a", "jobs", ""));
        let server = start(&app);
        let (is_over, published) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let _over = Over(&is_over);
                    while !is_over.load(Ordering::Relaxed) {
                        publish(&server, "jobs", &published.fetch_add(1, Ordering::Relaxed).to_string());
                    }
                });
            }
            let _over = Over(&is_over);
            let began = Instant::now();
            for backend in ["disk", "memory"].iter().cycle() {
                if began.elapsed() >= span() / 2 || is_over.load(Ordering::Relaxed) {
                    break;
                }
                is_led(&app, package, backend);
            }
        });
        let published = published.into_inner();
        until("all are handled", || (handled(&server) >= published).then_some(()));
        let seen = server.get("/seen").json();
        let seen = seen.as_object().unwrap();
        assert!(
            seen.len() as u64 == published && seen.values().all(|times| times.as_u64() == Some(1)),
            "{published}: {seen:?}"
        );
    }
}

fn with_nats(nats: &NatsServer, triggers: &str) -> (App, Server) {
    let file = host_file(nats).replace("defaults = \"nats\"\n", "[limits]\ndrain = \"1s\"\n");
    let app = post_of(GUESTS[0], &["a"], "memory", triggers).file("host.toml", file);
    let up = WATTLE.up(&app).args(["--config", "host.toml", "--admin", "127.0.0.1:0"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    (app, server)
}

/// Subscriptions move to NATS, and when they have moved away nothing of them is left there.
#[test]
fn to_nats_and_back() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let (app, server) = with_nats(&nats, &(trigger("a", "jobs", "") + &trigger("a", "news.>", "broadcast = true")));
    for (round, backend) in ["nats", "memory", "nats"].iter().enumerate() {
        is_led(&app, GUESTS[0].1, backend);
        publish(&server, "jobs", &round.to_string());
        publish(&server, "news.today", &round.to_string());
        let expected = 2 * (round as u64 + 1);
        until("both are handled", || (handled(&server) == expected).then_some(()));
    }
    is_led(&app, GUESTS[0].1, "memory");
    until("its connections are closed", || (open_to(&nats) == 0).then_some(()));
    assert_eq!(handled(&server), 6, "each was handled once");
}

/// Away from a server that is gone: what the trigger heard there before is no reason why the app is not ready.
#[test]
fn away_from_what_is_lost() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let (app, server) = with_nats(&nats, &trigger("a", "jobs", ""));
    is_led(&app, GUESTS[0].1, "nats");
    nats.kill();
    until("it is not ready", || (get(&server, "/readyz").status() == 503).then_some(()));
    is_led(&app, GUESTS[0].1, "memory");
    assert_eq!(get(&server, "/readyz").status(), 200);
    publish(&server, "jobs", "m");
    until("it is handled", || (handled(&server) == 1).then_some(()));
}
