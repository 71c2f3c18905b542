//! Requests while an app is updated.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use wattle_testkit::Connection;

use crate::site::{KEEPS, Site, Version, shop, version};

/// A version that says which one it is at `/config/version`, with a component of WASI 0.3 beside.
fn told(name: &str) -> Version {
    version(&format!(
        "name = \"shop\"\n[components.web]\nsource = \"state.wasm\"\nconfig.version = \"{name}\"\n\
         links = {{ 'wasi:keyvalue' = 'memory' }}\n\
         [components.p3]\nsource = \"hello-p3.wasm\"\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
         [[triggers.http]]\npath = \"/p3\"\ncomponent = \"p3\"\n"
    ))
}

/// Eight clients ask all the time, over connections that stay and over new ones, and every answer is one of the two.
#[test]
fn no_request_fails() {
    let versions = [told("one"), told("two")];
    let site = Site::start(&versions[0]);
    let (ends, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let client = |number: usize| {
        let mut seen = BTreeSet::new();
        let mut connection = Connection::open(site.address);
        while !ends.load(Ordering::Relaxed) {
            if number.is_multiple_of(2) {
                connection = Connection::open(site.address);
            }
            let path = if number < 4 { "/config/version" } else { "/p3" };
            let answer = connection.call("GET", path, b"");
            assert!(answer.status() == 200 && answer.is_complete(), "{path}: {}", answer.summary());
            asked.fetch_add(1, Ordering::Relaxed);
            seen.insert(answer.text());
        }
        seen
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|number| scope.spawn(move || client(number))).collect();
        for turn in 1..=200 {
            site.update(&versions[turn % 2]).unwrap();
            // Whoever comes after it finds the new one.
            assert_eq!(site.get("/config/version").text(), ["one", "two"][turn % 2]);
        }
        ends.store(true, Ordering::Relaxed);
        let seen: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
        assert!(seen[..4].iter().all(|seen| *seen == both), "{seen:?}");
    });
    let requests = site.status().requests.unwrap();
    assert_eq!((requests.failed, requests.served), (0, asked.into_inner() + 200));
}

/// A guest that waits, and a body that is still being sent.
#[test]
fn what_is_under_way_ends_where_it_began() {
    // What is compiled is compiled once.
    let site = Site::start(&shop("echo", ""));
    site.update(&shop("misbehave", KEEPS)).unwrap();
    let mut slow = Connection::open(site.address);
    slow.request("GET", "/sleep?ms=2000", b"");
    site.under_way(1);
    site.update(&shop("echo", "")).unwrap();
    let mut upload = Connection::open(site.address);
    upload.send("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nfirst");
    site.under_way(2);
    site.update(&shop("hello", "")).unwrap();
    assert_eq!(site.get("/").text(), "Hello from Wattle\n");
    assert_eq!(slow.answer("GET").text(), "slept 2000 ms\n");
    upload.send("later");
    assert_eq!(upload.answer("POST").text(), "firstlater");
    // The connection leads to the new one from now on.
    assert_eq!(upload.call("POST", "/", b"x").text(), "Hello from Wattle\n");
}

/// Components, routes and triggers that come and go.
#[test]
fn parts_come_and_go() {
    let small = shop("hello", "");
    let large = version(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n[components.other]\nsource = \"echo.wasm\"\n\
         [components.job]\nsource = \"module.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
         [[triggers.http]]\npath = \"/other\"\ncomponent = \"other\"\n\
         [[triggers.cron]]\nschedule = \"@yearly\"\ncomponent = \"job\"\n",
    );
    let site = Site::start(&small);
    for _ in 0..3 {
        site.update(&large).unwrap();
        assert_eq!(Connection::open(site.address).call("POST", "/other", b"x").text(), "x");
        assert_eq!((site.status().components.len(), site.host.schedules(None).unwrap()[0].schedules.len()), (3, 1));
        site.update(&small).unwrap();
        assert_eq!(Connection::open(site.address).call("POST", "/other", b"x").text(), "Hello from Wattle\n");
        assert_eq!((site.status().components.len(), site.host.schedules(None).unwrap()[0].schedules.len()), (1, 0));
    }
    // An app that does not run is started.
    assert!(site.wait(site.host.stop(&small.app.id)));
    assert_eq!(site.get("/").status(), 404);
    site.update(&large).unwrap();
    assert_eq!(site.get("/").status(), 200);
}

/// Numbers go on.
#[test]
fn counters_do_not_fall() {
    let versions = [shop("hello", ""), shop("echo", "")];
    let site = Site::start(&versions[0]);
    let mut before = site.counters("wattle_requests_total");
    for turn in 1..=10 {
        assert_eq!(site.get("/").status(), 200);
        site.update(&versions[turn % 2]).unwrap();
        assert_eq!(site.status().requests.unwrap().served, turn as u64);
        let now = site.counters("wattle_requests_total");
        for (name, count) in &before {
            assert!(now.get(name).is_some_and(|now| now >= count), "{name}: {count}, then {now:?}");
        }
        before = now;
    }
    assert_eq!(before.values().sum::<u64>(), 10, "{before:?}");
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Set for the process in which memory is measured: other tests would count, too.
const ALONE: &str = "WATTLE_TEST_ALONE";

#[test]
fn memory_stays() {
    if std::env::var_os(ALONE).is_none() {
        let name = std::thread::current().name().unwrap().to_owned();
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let versions = [shop("hello", ""), shop("hello", "config.version = \"two\"")];
    let site = Site::start(&versions[0]);
    let rounds = |count: usize| {
        for turn in 1..=count {
            site.update(&versions[turn % 2]).unwrap();
            assert_eq!(site.get("/").status(), 200);
        }
        resident()
    };
    let (early, late) = (rounds(500), rounds(1_500));
    assert!(late * 100 <= early * 120, "{early} KiB after 500 updates, {late} KiB after 2,000");
}
