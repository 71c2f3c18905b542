//! Building a host: what it needs from outside is handed to it here, as values and small traits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use wattle_backend::memory::MemoryKeyValue;
use wattle_spec::backend::BackendSpec;
use wattle_spec::limits::HostLimits;
use wattle_spec::name::BackendName;
use wattle_spec::network::AddressRange;
use wattle_spec::report::Report;
use wattle_spec::telemetry::TelemetrySpec;

use super::Host;
use super::asleep::Waker;
use super::backends::{BackendSource, Backends, InMemory};
use super::beginnings::Beginnings;
use super::choices::{ChoiceBook, InMind};
use super::endings::Endings;
use super::load::{Loader, Providers};
use super::room::Rooms;
use super::turns::Turns;
use crate::capability::native::{NativeCapability, Natives};
use crate::clock::{Clock, SystemClock};
use crate::cores::Cores;
use crate::engine::{CodeCache, CompileInProcess, Compiler, Engines};
use crate::error::HostError;
use crate::outgoing::Network;
use crate::readiness::Readiness;
use crate::telemetry::{Sampler, Telemetry};
use crate::trigger::cron::{KeptTicks, TickBook};
use crate::trigger::ground::{Ground, Reports};
use crate::trigger::http::{Connections, EdgePolicy, Server};

/// What a host is made of.
pub struct HostBuilder {
    cores: NonZeroUsize,
    limits: HostLimits,
    edge: EdgePolicy,
    compiler: Arc<dyn Compiler>,
    code_cache: Option<CodeCache>,
    backend_source: Arc<dyn BackendSource>,
    backends: BTreeMap<BackendName, BackendSpec>,
    name_servers: Vec<SocketAddr>,
    clock: Arc<dyn Clock>,
    tick_book: Arc<dyn TickBook>,
    choice_book: Arc<dyn ChoiceBook>,
    waker: Option<Arc<dyn Waker>>,
    reports: Reports,
    metrics: bool,
    telemetry: TelemetrySpec,
    /// Those that were given, or what is wrong with the first that cannot be had.
    natives: Result<Natives, HostError>,
}

impl Default for HostBuilder {
    /// As many threads as the machine has cores, the default limits, compiling in this process without a cache,
    /// state in memory, the clocks of this machine, and nobody who hears of anything.
    fn default() -> Self {
        Self {
            cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limits: HostLimits::default(),
            edge: EdgePolicy::default(),
            compiler: Arc::new(CompileInProcess),
            code_cache: None,
            backend_source: Arc::new(InMemory::default()),
            backends: BTreeMap::new(),
            name_servers: Vec::new(),
            clock: Arc::new(SystemClock),
            tick_book: Arc::new(KeptTicks::new(Arc::new(MemoryKeyValue::default()))),
            choice_book: Arc::new(InMind::default()),
            waker: None,
            reports: Arc::new(drop),
            metrics: false,
            telemetry: TelemetrySpec::default(),
            natives: Ok(Natives::default()),
        }
    }
}

impl HostBuilder {
    /// How many threads serve requests.
    pub fn cores(mut self, cores: NonZeroUsize) -> Self {
        self.cores = cores;
        self
    }

    /// The limits of the host.
    pub fn limits(mut self, limits: HostLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The proxies whose `X-Forwarded-*` fields are believed. From everybody else such fields are removed.
    pub fn trusted_proxies(mut self, networks: Vec<AddressRange>) -> Self {
        self.edge.trusted_proxies = networks;
        self
    }

    /// Writes a line for each request to the log, under the target `access`.
    pub fn access_log(mut self) -> Self {
        self.edge.access_log = true;
        self
    }

    /// What compiles components.
    pub fn compiler(mut self, compiler: impl Compiler + 'static) -> Self {
        self.compiler = Arc::new(compiler);
        self
    }

    /// Where compiled code is kept.
    pub fn code_cache(mut self, cache: CodeCache) -> Self {
        self.code_cache = Some(cache);
        self
    }

    /// What opens the backends that apps and this host name.
    pub fn backend_source(mut self, source: impl BackendSource + 'static) -> Self {
        self.backend_source = Arc::new(source);
        self
    }

    /// The backends that the host names, beside those of the apps.
    pub fn backends(mut self, backends: BTreeMap<BackendName, BackendSpec>) -> Self {
        self.backends = backends;
        self
    }

    /// The name servers that outgoing requests ask, in place of the system's.
    pub fn name_servers(mut self, name_servers: Vec<SocketAddr>) -> Self {
        self.name_servers = name_servers;
        self
    }

    /// Where its time comes from.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the ticks of schedules are claimed that have run.
    pub fn tick_book(mut self, book: impl TickBook + 'static) -> Self {
        self.tick_book = Arc::new(book);
        self
    }

    /// Where it is recorded what backends apps keep their state in.
    pub fn choice_book(mut self, book: Arc<dyn ChoiceBook>) -> Self {
        self.choice_book = book;
        self
    }

    /// Who starts apps that sleep. Without it, what was started stays in memory, however much that is.
    pub fn waker(mut self, waker: Arc<dyn Waker>) -> Self {
        self.waker = Some(waker);
        self
    }

    /// Who is told what happens to services and schedules. It is called on threads that have other work to do, and must
    /// not wait.
    pub fn reports(mut self, reports: impl Fn(Report) + Send + Sync + 'static) -> Self {
        self.reports = Arc::new(reports);
        self
    }

    /// Interfaces that this program implements, for components that import them. What is wrong with them, [`build`](Self::build)
    /// says.
    pub fn capability(mut self, capability: impl NativeCapability) -> Self {
        self.natives = self.natives.and_then(|natives| natives.with(capability));
        self
    }

    /// Counts what happens, for [`Host::listen_admin`]. A host that tells a collector does so anyway.
    pub fn metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Tells a collector, if `spec` names one.
    pub fn telemetry(mut self, spec: TelemetrySpec) -> Self {
        self.telemetry = spec;
        self
    }

    /// Builds the host and starts its threads.
    ///
    /// # Errors
    ///
    /// If the engine or the threads cannot be had, the collector cannot be spoken to at all, or a native capability cannot be
    /// joined.
    pub fn build(self) -> Result<Host, HostError> {
        let natives = Arc::new(self.natives?);
        let HostLimits { concurrent_requests, concurrent_calls, .. } = self.limits;
        let instances = concurrent_requests.saturating_add(concurrent_calls);
        let engines = Arc::new(Engines::build(instances).map_err(HostError::Engine)?);
        let cores = Arc::new(Cores::start(self.cores, engines.clone()).map_err(HostError::Threads)?);
        let network = Arc::new(Network::new(cores.count(), self.name_servers));
        let components_max = self.limits.metric_components;
        let (telemetry, exporter) = Telemetry::exported(&self.telemetry, components_max, &network)?.unzip();
        let telemetry = telemetry.or_else(|| self.metrics.then(|| Telemetry::counting(components_max, &network)));
        let sampler = telemetry.as_ref().map(|telemetry| Sampler::start(telemetry.clone())).transpose();
        let sampler = sampler.map_err(HostError::Threads)?;
        let tracer = telemetry.as_ref().and_then(|telemetry| telemetry.tracer.clone());
        let server = Arc::new(Server::new(self.limits, self.edge, telemetry.clone()));
        let backends = Backends::new(self.backend_source, self.backends, self.limits);
        let providers = Providers { backends, network, telemetry, natives };
        let readiness = Readiness::default();
        let loader = Loader::new(engines, self.limits, self.compiler, self.code_cache, providers)?;
        Ok(Host {
            rooms: Rooms::new(loader.memory().clone()),
            loader,
            server,
            connections: Arc::new(Connections::new(&self.limits)),
            listeners: Mutex::default(),
            apps: Mutex::default(),
            asleep: Mutex::default(),
            waker: self.waker,
            turns: Turns::default(),
            beginnings: Beginnings::default(),
            endings: Endings::default(),
            ground: Arc::new(Ground {
                cores: cores.clone(),
                clock: self.clock,
                reports: self.reports,
                readiness: readiness.clone(),
                tracer,
            }),
            tick_book: self.tick_book,
            choice_book: self.choice_book,
            cores,
            readiness,
            admin: Mutex::default(),
            exporter,
            _sampler: sampler,
            since: Instant::now(),
        })
    }
}
