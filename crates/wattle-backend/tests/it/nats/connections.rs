//! How many connections there are: one for each runtime of one thread, one for all others, and none that nobody uses.

use std::fs;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use wattle_backend::backend::Backend as _;
use wattle_backend::nats::{NatsKeyValue, NatsLayout, NatsOptions};
use wattle_testkit::{NatsServer, until};

use super::{RUNTIME, connection};

/// The state of a connection that is open, in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// How many connections to `server` are open, seen from those who opened them.
fn open_to(server: &NatsServer) -> usize {
    let peer = format!(":{:04X}", server.port());
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of connections");
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter(|line| line.len() > 3 && line[2].ends_with(&peer) && line[3] == ESTABLISHED).count()
}

#[track_caller]
fn wait_for(server: &NatsServer, count: usize) {
    until(&format!("there are {count} connections"), || (open_to(server) == count).then_some(()));
}

fn core() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn each_core_has_one() {
    let Some(server) = NatsServer::builder().start() else { return };
    let connection = connection(NatsOptions::new([server.url()]));
    let store = NatsKeyValue::new(connection.clone(), NatsLayout::default());
    let (one, other) = (core(), core());
    for runtime in [&one, &other, &one] {
        runtime.block_on(store.check()).expect("it can be used");
    }
    one.block_on(RUNTIME.spawn(store.check())).expect("no panic").expect("it can be used");
    wait_for(&server, 3);
    // A core that ends takes its own with it.
    drop(other);
    wait_for(&server, 2);
    let third = core();
    third.block_on(store.check()).expect("it can be used");
    wait_for(&server, 3);
    drop((store, connection));
    until("nobody is connected", || {
        // They are closed where they live.
        for runtime in [&one, &third] {
            runtime.block_on(yield_now());
        }
        (open_to(&server) == 0).then_some(())
    });
}
