//! Servers, each a process of its own.

mod bare;
mod cores;
mod engine;
mod wasmtime;

use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;

use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_spec::limits::ComponentLimits;
use wattle_testkit::guests;
use wattle_testkit::process::Process;

pub(crate) use self::engine::alone::Alone;
use self::engine::serial::Instances;
use self::engine::{Limits, serial, shared};
use crate::fairness;
use crate::running::{Running, ready};
use crate::serving::{REUSED, ROUTE, Serving, serve};

/// A process that serves. It ends with this.
pub(crate) struct Server {
    address: SocketAddr,
    running: Running,
}

/// What this program can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Hello world by hyper and nothing else.
    Bare,
    /// By the engine and hyper, without the limits of a host, a fresh instance for each request.
    Engine,
    /// The same with the limits of a host.
    EngineLimited,
    /// Without them, with instances that are used again.
    EngineReused,
    /// Without them, as a component of 0.3.
    EngineShared,
    /// By a host, a fresh instance for each request.
    Fresh,
    Reused,
    /// By a host, as a component of 0.3.
    Shared,
    /// An app that has little to do, and one that computes.
    Neighbours,
}

impl What {
    const ALL: [(What, &'static str); 9] = [
        (What::Bare, "bare"),
        (What::Engine, "engine"),
        (What::EngineLimited, "engine-limited"),
        (What::EngineReused, "engine-reused"),
        (What::EngineShared, "engine-shared"),
        (What::Fresh, "fresh"),
        (What::Reused, "reused"),
        (What::Shared, "shared"),
        (What::Neighbours, "neighbours"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(what, _)| *what == self).expect("invariant: all have a name").1
    }

    /// Serves it, for as long as what this returns lives.
    fn serve(self) -> (SocketAddr, Box<dyn Any>) {
        let host = |serving: Serving| (serving.address(), Box::new(serving) as Box<dyn Any>);
        let alone = |address| (address, Box::new(()) as Box<dyn Any>);
        let reused = format!("{REUSED}\n{ROUTE}");
        let none = Stores::default();
        match self {
            What::Bare => alone(bare::start()),
            What::Engine => alone(serial::start(&guests::hello(), Limits::Off, Instances::Fresh)),
            What::EngineLimited => {
                alone(serial::start(&guests::hello(), Limits::On(ComponentLimits::default()), Instances::Fresh))
            }
            What::EngineReused => alone(serial::start(&guests::hello(), Limits::Off, Instances::Reused)),
            What::EngineShared => alone(shared::start(&guests::hello_p3())),
            What::Fresh => host(serve(Host::builder(), &guests::hello(), ROUTE, none)),
            What::Reused => host(serve(Host::builder(), &guests::hello(), &reused, none)),
            What::Shared => host(serve(Host::builder(), &guests::hello_p3(), &reused, none)),
            What::Neighbours => host(fairness::serve()),
        }
    }
}

/// Serves what this `name` means until nobody wants it any more.
pub(crate) fn be(name: &str) {
    let (what, _) = What::ALL.into_iter().find(|(_, known)| *known == name).expect("the name of a server");
    let (address, _alive) = what.serve();
    ready(&address.to_string());
}

impl Server {
    /// Has this program serve `what`.
    pub(crate) fn start(what: What) -> Self {
        let (running, address) = Running::own(&[what.name()]);
        Self { address: address.parse().expect("it serves"), running }
    }

    /// Serves `component` with the `wasmtime` that is on PATH, if there is one.
    pub(crate) fn wasmtime(component: &Path) -> Option<Self> {
        let (address, child) = wasmtime::start(component)?;
        Some(Self { address, running: Running::other(child) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        self.running.process()
    }
}
