//! Addresses that come and go while a host serves: nobody else is disturbed, and no request that was accepted fails.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use wattle_host::HostError;
use wattle_spec::limits::HostLimits;
use wattle_testkit::{Connection, Http2, until};

use crate::site::{KEEPS, Site, shop};

/// A host that runs a guest which sleeps, hangs and fails as it is told.
fn site(drain: Duration) -> Site {
    let site = Site::empty(|host| host.limits(HostLimits { drain, ..HostLimits::default() }));
    let version = shop("misbehave", KEEPS);
    site.wait(site.host.start(&version.app, &version.bytes)).unwrap();
    site
}

/// How many connections are open at each address.
fn open(site: &Site) -> Vec<(SocketAddr, usize)> {
    site.host.listeners().iter().map(|listening| (listening.address, listening.connections)).collect()
}

/// Clients who know where the host serves, and ask all the time.
#[derive(Default)]
struct Clients {
    addresses: Mutex<Vec<SocketAddr>>,
    end: AtomicBool,
    answered: AtomicUsize,
    moved: AtomicUsize,
}

impl Clients {
    /// A connection to one of the addresses. While this connects, nobody takes one away.
    fn connect(&self, turn: usize) -> Connection {
        let addresses = self.addresses.lock().unwrap();
        Connection::open(addresses[turn % addresses.len()])
    }

    /// Asks until the end: on a connection that stays until the host closes it, or `each` time on a new one.
    fn ask(&self, number: usize, each: bool) {
        let mut turn = number;
        let mut connection = self.connect(turn);
        while !self.end.load(Ordering::Relaxed) {
            let answer = connection.call("GET", "/sleep?ms=2", b"");
            assert!(answer.status() == 200 && answer.is_complete(), "{}", answer.summary());
            self.answered.fetch_add(1, Ordering::Relaxed);
            let is_told_to_leave = answer.header("connection") == Some("close");
            self.moved.fetch_add(usize::from(is_told_to_leave), Ordering::Relaxed);
            if each || is_told_to_leave {
                turn += 1;
                connection = self.connect(turn);
            }
        }
    }
}

/// Eight clients ask at two addresses, of which one after the other is added and removed.
#[test]
fn no_request_fails() {
    let site = site(Duration::from_secs(10));
    let clients = Clients::default();
    clients.addresses.lock().unwrap().extend([site.address, site.listen().unwrap()]);
    thread::scope(|scope| {
        let clients = &clients;
        let asking: Vec<_> = (0..8).map(|number| scope.spawn(move || clients.ask(number, number % 2 == 1))).collect();
        for _ in 0..6 {
            let before = clients.answered.load(Ordering::Relaxed);
            until("there is load", || (clients.answered.load(Ordering::Relaxed) > before + 50).then_some(()));
            let added = site.listen().unwrap();
            let removed = {
                let mut addresses = clients.addresses.lock().unwrap();
                addresses.push(added);
                addresses.remove(0)
            };
            assert_eq!(site.unlisten(removed), Some(0));
            assert!(Connection::try_open(removed).is_err(), "somebody still accepts");
        }
        clients.end.store(true, Ordering::Relaxed);
        asking.into_iter().for_each(|client| client.join().unwrap());
    });
    let answered = clients.answered.into_inner() as u64;
    let requests = until("all are counted", || site.status().requests.filter(|requests| requests.in_flight == 0));
    assert_eq!((requests.failed, requests.served), (0, answered));
    assert!(clients.moved.into_inner() >= 6, "those who stay are told to leave");
}

/// What is under way ends, what rests is closed, and the other address is as it was.
#[test]
fn connections_of_one_end() {
    let site = site(Duration::from_secs(10));
    let added = site.listen().unwrap();
    let mut neighbour = Connection::open(site.address);
    assert_eq!(neighbour.call("GET", "/state", b"").status(), 200);
    let mut resting = Connection::open(added);
    assert_eq!(resting.call("GET", "/state", b"").status(), 200);
    let mut silent = Connection::open(added);
    let mut busy = Connection::open(added);
    busy.request("GET", "/sleep?ms=1500", b"");
    thread::scope(|scope| {
        let streams = scope.spawn(|| {
            let mut streams = Http2::open(added);
            let answer = streams.call("GET", "/sleep?ms=1500", b"");
            (answer.summary(), streams.is_closed_within(Duration::from_secs(5)))
        });
        site.under_way(2);
        until("all are accepted", || (open(&site) == [(site.address, 1), (added, 4)]).then_some(()));
        let ended = scope.spawn(|| site.unlisten(added));
        until("it accepts no more", || Connection::try_open(added).is_err().then_some(()));
        assert_eq!(open(&site), [(site.address, 1)]);
        assert!(resting.is_closed() && silent.is_closed());
        let answer = busy.answer("GET");
        assert_eq!((answer.summary().as_str(), answer.header("connection")), ("200 slept 1500 ms", Some("close")));
        assert_eq!(streams.join().unwrap(), ("200 slept 1500 ms".to_owned(), true));
        assert_eq!(ended.join().unwrap(), Some(0));
    });
    assert!(busy.is_closed());
    let answer = neighbour.call("GET", "/state", b"");
    assert_eq!((answer.status(), answer.header("connection")), (200, None));
    assert_eq!(site.unlisten(added), None, "it is gone");
}

/// What does not end within the limit `drain` is cut, there and nowhere else.
#[test]
fn what_does_not_end_is_cut() {
    let site = site(Duration::from_millis(300));
    let added = site.listen().unwrap();
    let mut neighbour = Connection::open(site.address);
    neighbour.request("GET", "/sleep?ms=2000", b"");
    let mut stuck: Vec<_> = (0..3).map(|_| Connection::open(added)).collect();
    stuck[0].request("GET", "/hang", b"");
    stuck[1].request("GET", "/hang-after", b"");
    assert_eq!(stuck[1].head().unwrap().status, 200);
    stuck[2].send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    site.under_way(3);
    assert_eq!(site.unlisten(added), Some(3));
    assert!(stuck.iter_mut().all(Connection::is_closed));
    site.under_way(1);
    assert_eq!(neighbour.answer("GET").summary(), "200 slept 2000 ms");
}

/// A host that ends serves nowhere any more, whatever comes and goes meanwhile.
#[test]
fn while_it_ends() {
    let site = site(Duration::from_secs(10));
    let added = site.listen().unwrap();
    let mut busy = Connection::open(added);
    busy.request("GET", "/sleep?ms=700", b"");
    site.under_way(1);
    let host = site.host.clone();
    thread::scope(|scope| {
        let drained = scope.spawn(|| site.wait(host.drain()));
        until("it is not ready", || site.readiness().starts_with("503").then_some(()));
        assert!(matches!(site.listen(), Err(HostError::Ending)));
        assert_eq!((site.unlisten(added), open(&site)), (None, vec![]));
        assert_eq!(busy.answer("GET").summary(), "200 slept 700 ms");
        assert_eq!(drained.join().unwrap(), Ok(()));
    });
}

/// Also where no app says so.
#[test]
fn an_empty_host_that_ends_is_not_ready() {
    let site = Site::empty(|host| host);
    assert_eq!(site.readiness(), "200 {\"apps\":{},\"ready\":true}\n");
    assert_eq!(site.wait(site.host.drain()), Ok(()));
    assert_eq!(site.readiness(), "503 {\"apps\":{},\"ready\":false,\"reason\":\"draining\"}\n");
}
