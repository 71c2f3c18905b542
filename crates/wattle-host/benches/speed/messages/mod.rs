//! Messages through a component over NATS, against a bare subscriber of `async-nats`.
//!
//! A publisher keeps [`WINDOW`] messages under way, orders of some 2 KiB; whoever is measured makes a receipt of each and
//! publishes it about [`DONE`], which the publisher counts. Over core NATS nothing is kept, and what is published is
//! confirmed on both sides; a subscriber that publishes and hopes is shown beside them. Over JetStream messages are those
//! of the app, in its stream: what is handled and what is published is acknowledged on both sides. Messages that are
//! published again as they are show what there is beside the work. Whoever is measured is a process of its own.

mod bare;
mod component;
#[path = "../../../../../guests/common/order.rs"]
mod order;
mod publisher;

use serde::{Deserialize, Serialize};
use wattle_testkit::NatsServer;
use wattle_testkit::figures::{Bound, Table};

use self::bare::Care;
use crate::lanes::{Lane, RATIO, race};
use crate::running::{Running, ready};

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

const REUSED: &str = "a component, reused instance";

/// What is done with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Work {
    /// It is an order, and answered with its receipt.
    Orders,
    /// It is published again as it is.
    Echo,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Over {
    Core,
    JetStream,
}

/// A way for messages.
#[derive(Clone, Serialize, Deserialize)]
struct Way {
    url: String,
    work: Work,
    over: Over,
    /// How many are handled at a time.
    places: usize,
}

/// Whoever is measured, and the lane of the way that is theirs.
#[derive(Serialize, Deserialize)]
struct Worker {
    way: Way,
    lane: String,
    who: Who,
}

#[derive(Serialize, Deserialize)]
enum Who {
    Bare(Care),
    /// With instances that are used for as long as they go well, or for one message each.
    Component {
        is_reused: bool,
    },
}

/// What a worker is called among the things that this program can be.
pub(crate) const WORKER: &str = "worker";

/// Works, for as long as somebody needs it.
pub(crate) fn be(worker: &str) {
    let Worker { way, lane, who } = serde_json::from_str(worker).expect("a worker");
    match who {
        Who::Bare(care) => bare::start(&way, &lane, care),
        Who::Component { is_reused } => component::start(&way, &lane, is_reused),
    }
    ready("it listens");
}

impl Way {
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

    /// A lane whose work `who` does.
    fn lane(&self, name: &'static str, who: Who) -> Lane {
        let lane = name.replace([' ', ','], "-");
        let publish = publisher::work(self, self.in_nats(&self.subject(&lane)));
        let worker = Worker { way: self.clone(), lane, who };
        let worker = serde_json::to_string(&worker).expect("a worker is JSON");
        let (running, _) = Running::own(&[WORKER, &worker]);
        let process = running.process();
        let work = move |round| {
            let _alive = &running;
            publish(round)
        };
        Lane::new(name, work).of(process)
    }

    /// Shows what a component reaches. Something is promised of the messages of an app.
    fn compare(&self) -> Table {
        let work = if self.work == Work::Orders { "orders" } else { "echoes" };
        let over = if self.over == Over::Core { "core NATS" } else { "JetStream" };
        let what = format!("{work} over {over}, {} at a time", self.places);
        // They make the stream.
        let reused = self.lane(REUSED, Who::Component { is_reused: true });
        let fresh = self.lane("a component, fresh instance", Who::Component { is_reused: false });
        let mut lanes = vec![self.lane("a bare subscriber", Who::Bare(Care::Confirms)), reused, fresh];
        if self.over == Over::Core {
            lanes.push(self.lane("one that confirms each message", Who::Bare(Care::ConfirmsEach)));
            lanes.push(self.lane("one that does not confirm", Who::Bare(Care::Hopes)));
        }
        let table = race(what, "messages/s", lanes);
        match (self.work, self.over, self.places) {
            (Work::Orders, Over::JetStream, FEW) => table.promise(REUSED, RATIO, Bound::AtLeast(PROMISED)),
            (Work::Orders, Over::JetStream, MANY) => table.promise(REUSED, RATIO, Bound::AtLeast(PROMISED_OF_MANY)),
            _ => table,
        }
    }
}

/// Messages that are kept.
pub(crate) fn jetstream() -> Vec<Table> {
    compare(Over::JetStream, &[(Work::Orders, FEW), (Work::Orders, MANY), (Work::Echo, FEW)])
}

/// Messages that are not.
pub(crate) fn core() -> Vec<Table> {
    compare(Over::Core, &[(Work::Orders, FEW), (Work::Echo, FEW)])
}

fn compare(over: Over, kinds: &[(Work, usize)]) -> Vec<Table> {
    let Some(server) = NatsServer::builder().start() else { return Vec::new() };
    let way = |&(work, places): &_| Way { url: server.url(), work, over, places };
    kinds.iter().map(way).map(|way| way.compare()).collect()
}
