//! Building a host: what it needs from outside is handed to it here, as values and small traits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use wattle_spec::backend::BackendSpec;
use wattle_spec::limits::HostLimits;
use wattle_spec::name::BackendName;
use wattle_spec::network::AddressRange;

use super::Host;
use super::backends::{BackendSource, Backends, InMemory};
use super::load::{Loader, Providers};
use crate::cores::Cores;
use crate::engine::{CodeCache, CompileInProcess, Compiler, Engines};
use crate::error::HostError;
use crate::outgoing::Network;
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
}

impl Default for HostBuilder {
    /// As many threads as the machine has cores, the default limits, compiling in this process without a cache, and
    /// state in memory.
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

    /// Builds the host and starts its threads.
    ///
    /// # Errors
    ///
    /// If the engine or the threads cannot be had.
    pub fn build(self) -> Result<Host, HostError> {
        let engines = Arc::new(Engines::build(self.limits.concurrent_requests).map_err(HostError::Engine)?);
        let cores = Arc::new(Cores::start(self.cores, engines.clone()).map_err(HostError::Threads)?);
        let network = Arc::new(Network::new(cores.count(), self.name_servers));
        let providers = Providers { backends: Backends::new(self.backend_source, self.backends), network };
        let loader =
            Loader::new(engines, self.limits, self.compiler, self.code_cache, providers).map_err(HostError::Engine)?;
        Ok(Host {
            loader,
            server: Arc::new(Server::new(self.limits, self.edge)),
            connections: Arc::new(Connections::new(&self.limits)),
            listeners: Mutex::default(),
            apps: Mutex::default(),
            cores,
        })
    }
}
