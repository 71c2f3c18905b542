//! Messages through a component over NATS, against a bare subscriber of `async-nats`.
//!
//! A publisher keeps [`WINDOW`] messages under way, orders of some 2 KiB; whoever is measured makes a receipt of each and
//! publishes it about [`DONE`], which the publisher counts. Over core NATS nothing is kept, and what is published is
//! confirmed on both sides; a subscriber that publishes and hopes is shown beside them. Over JetStream messages are those
//! of the app, in its stream: what is handled and what is published is acknowledged on both sides. Messages that are
//! published again as they are show what there is beside the work.

mod bare;
#[path = "../../../../../guests/common/order.rs"]
mod order;
mod publisher;

use std::sync::Arc;

use wattle_backend::nats::{NatsBus, NatsConnection, NatsLayout, NatsOptions};
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::{NatsServer, guests};

use self::bare::Care;
use crate::lanes::{Lane, Table};
use crate::serving::{REUSED, serve};

/// How many messages wait for their answers at a time.
const WINDOW: usize = 1024;
/// How many messages whoever is measured handles at a time, on all cores together.
const FEW: usize = 32;
const MANY: usize = 256;
/// Of reused instances.
const PROMISED: f64 = 0.60;
const PROMISED_OF_MANY: f64 = 0.50;
/// What the answers are about.
const DONE: &str = "relay.done";
/// The stream of the app on its backend, and what its subjects begin with in NATS.
const STREAM: &str = "MSG_wattle_default_bench_world";
const OWN: &str = "wattle_default_bench_world.m.";

/// What is done with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// It is an order, and answered with its receipt.
    Orders,
    /// It is published again as it is.
    Echo,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Core,
    JetStream,
}

/// A way for messages.
#[derive(Clone, Copy)]
struct Way<'a> {
    url: &'a str,
    work: Work,
    over: Over,
    /// How many are handled at a time.
    places: usize,
}

impl Way<'_> {
    /// What a subject of the app is in NATS.
    fn in_nats(&self, subject: &str) -> String {
        match self.over {
            Over::Core => subject.to_owned(),
            Over::JetStream => format!("{OWN}{subject}"),
        }
    }

    /// Where a lane hears of its work.
    fn subject(&self, lane: &str) -> String {
        let work = if self.work == Work::Orders { "orders" } else { "echo" };
        format!("{work}.{}.{lane}", self.places)
    }

    /// A lane whose work is done by whoever hears of it.
    fn lane(&self, name: &'static str, lane: &str, worker: impl Sized + 'static) -> Lane {
        let work = publisher::work(self, self.in_nats(&self.subject(lane)));
        Lane::new(name, move |round| {
            let _ = &worker;
            work(round)
        })
    }

    /// A lane whose work is done by a component on a host of its own.
    fn component(&self, name: &'static str, lane: &str, instances: &str) -> Lane {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        // It lives as long as the process.
        let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
        let connection = NatsConnection::new(NatsOptions::new([self.url]), runtime.handle().clone());
        let bus = NatsBus::new(connection.expect("an address"), NatsLayout::default(), None);
        let scope = if self.over == Over::Core { "shared" } else { "app" };
        let manifest = format!(
            "{instances}\nlinks = {{ \"wasmcloud:messaging\" = \"world\" }}\n\
             [backends.world]\ntype = \"nats\"\nscope = {scope:?}\n\
             [[triggers.message]]\ncomponent = \"bench\"\nsubject = {:?}\nconcurrency = {}\n",
            self.subject(lane),
            self.places
        );
        let stores = Stores { bus: Some(Arc::new(bus)), ..Stores::default() };
        self.lane(name, lane, serve(Host::builder(), &guests::relay(), &manifest, stores))
    }

    /// Shows what a component reaches. Something is promised of the messages of an app.
    fn compare(&self) -> Table {
        let work = if self.work == Work::Orders { "orders" } else { "echoes" };
        let over = if self.over == Over::Core { "core NATS" } else { "JetStream" };
        let what = format!("{work} over {over}, {} at a time", self.places);
        // They make the stream.
        let reused = self.component("a component, reused instance", "reused", REUSED);
        let fresh = self.component("a component, fresh instance", "fresh", "");
        let bare = |name, lane, care| {
            bare::start(self, lane, care);
            self.lane(name, lane, ())
        };
        let mut lanes = vec![bare("a bare subscriber", "bare", Care::Confirms), reused, fresh];
        if self.over == Over::Core {
            lanes.push(bare("one that does not confirm", "hopes", Care::Hopes));
        }
        let table = Table::race(what, "messages", lanes);
        match (self.work, self.over, self.places) {
            (Work::Orders, Over::JetStream, FEW) => table.promising(PROMISED),
            (Work::Orders, Over::JetStream, MANY) => table.promising(PROMISED_OF_MANY),
            _ => table,
        }
    }
}

pub(crate) fn run() -> Vec<Table> {
    let Some(server) = NatsServer::builder().start() else { return Vec::new() };
    let url = server.url();
    let ways = [
        (Work::Orders, Over::JetStream, FEW),
        (Work::Orders, Over::JetStream, MANY),
        (Work::Orders, Over::Core, FEW),
        (Work::Echo, Over::JetStream, FEW),
        (Work::Echo, Over::Core, FEW),
    ];
    let ways = ways.map(|(work, over, places)| Way { url: &url, work, over, places });
    ways.iter().map(Way::compare).collect()
}
