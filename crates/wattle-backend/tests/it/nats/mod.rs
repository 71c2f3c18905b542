//! The backends on a real nats-server.

mod blobs;
mod bus;
mod connections;
mod durability;
mod faults;
mod key_value;
mod logins;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use wattle_backend::nats::{NatsConnection, NatsKeyValue, NatsLayout, NatsOptions};
use wattle_testkit::NatsServer;

/// Where what nobody waits for is done, as in a host: a runtime on a thread of its own.
static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
});

fn connection(options: NatsOptions) -> Arc<NatsConnection> {
    NatsConnection::new(options, RUNTIME.clone()).expect("good addresses")
}

fn key_value(server: &NatsServer) -> NatsKeyValue {
    NatsKeyValue::new(connection(NatsOptions::new([server.url()])), NatsLayout::default())
}

/// One whose calls take no longer than this.
fn impatient(server: &NatsServer, deadline: Duration) -> NatsKeyValue {
    let options = NatsOptions { deadline, ..NatsOptions::new([server.url()]) };
    NatsKeyValue::new(connection(options), NatsLayout::default())
}

/// A client of somebody else.
async fn open_with(server: &NatsServer) -> async_nats::Client {
    async_nats::connect(server.url()).await.expect("connect")
}

/// An error with everything that caused it, as a log shows it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
