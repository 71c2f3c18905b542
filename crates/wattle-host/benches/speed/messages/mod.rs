//! Messages through a component over NATS, against a bare subscriber of `async-nats`.
//!
//! A publisher keeps [`WINDOW`] messages under way, orders of some 2 KiB; whoever is measured makes a receipt of each and
//! publishes it about [`DONE`], which the publisher counts. Over core NATS nothing is kept; over JetStream each message
//! is settled when it was handled. Messages that are published again as they are show what there is beside the work.

mod bare;
#[path = "../../../../../guests/common/order.rs"]
mod order;
mod publisher;

use std::sync::Arc;

use wattle_backend::nats::{NatsBus, NatsConnection, NatsLayout, NatsOptions};
use wattle_backend::stores::Stores;
use wattle_testkit::{NatsServer, guests};

use crate::lanes::{Lane, Result, race};
use crate::serving::{REUSED, serve};

/// How many messages wait for their answers at a time.
const WINDOW: usize = 256;
/// How many messages a component handles at a time, on all cores together.
const PLACES: usize = 64;
/// What the answers are about.
const DONE: &str = "relay.done";
const STREAM: &str = "WORK";

/// What is done with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// It is an order, and answered with its receipt.
    Orders,
    /// It is published again as it is.
    Echo,
}

/// A way for messages.
#[derive(Clone, Copy)]
struct Way<'a> {
    url: &'a str,
    /// The stream that keeps them; `None`: over core NATS.
    stream: Option<&'a str>,
    work: Work,
}

impl Way<'_> {
    /// Where a lane hears of its work.
    fn subject(&self, lane: &str) -> String {
        let work = if self.work == Work::Orders { "orders" } else { "echo" };
        format!("{}.{work}.{lane}", self.stream.unwrap_or("core"))
    }

    /// A lane whose work is done by a component on a host of its own.
    fn component(&self, name: &'static str, lane: &str, instances: &str) -> Lane {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        // It lives as long as the process.
        let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
        let connection = NatsConnection::new(NatsOptions::new([self.url]), runtime.handle().clone());
        let bus = NatsBus::new(connection.expect("an address"), NatsLayout::default(), self.stream.map(Into::into));
        let subject = self.subject(lane);
        let manifest = format!(
            "{instances}\nlinks = {{ \"wasmcloud:messaging\" = \"world\" }}\n\
             [backends.world]\ntype = \"nats\"\nscope = \"shared\"\n\
             [[triggers.message]]\ncomponent = \"bench\"\nsubject = {subject:?}\nconcurrency = {PLACES}\n"
        );
        let stores = Stores { bus: Some(Arc::new(bus)), ..Stores::default() };
        let serving = serve(&guests::relay(), &manifest, stores);
        let work = publisher::work(self.url, subject, self.work);
        Lane::new(name, move |round| {
            let _ = &serving;
            work(round)
        })
    }

    /// Shows what a component reaches.
    fn compare(&self) {
        let over = if self.stream.is_some() { "JetStream" } else { "core NATS" };
        let what = format!("{} over {over}", if self.work == Work::Orders { "orders" } else { "echoes" });
        let alone = self.subject("alone");
        bare::start(self, &alone);
        let lanes = vec![
            Lane::new("a bare subscriber", publisher::work(self.url, alone, self.work)),
            self.component("a component, fresh instance", "fresh", ""),
            self.component("a component, reused instance", "reused", REUSED),
        ];
        race(&what, "messages", lanes);
    }
}

/// Nothing is promised yet.
pub(crate) fn run() -> Vec<Result> {
    let Some(server) = NatsServer::builder().start() else { return Vec::new() };
    let url = server.url();
    bare::make_stream(&url, STREAM);
    let ways = [(Work::Orders, None), (Work::Orders, Some(STREAM)), (Work::Echo, None), (Work::Echo, Some(STREAM))];
    for (work, stream) in ways {
        Way { url: &url, stream, work }.compare();
    }
    Vec::new()
}
