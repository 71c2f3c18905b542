//! What all components of a host share on their way out: the resolver of names, and whom TLS trusts.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::read_system_conf;
use rustls::ClientConfig;
use wattle_backend::roots;

use crate::cores::CoreId;

/// How long the system's configuration of names is taken as it was read.
const RESOLVER_AGE_MAX: Duration = Duration::from_secs(30);

type Resolver = Mutex<Option<(Instant, TokioResolver)>>;

/// The network as a host's components find it.
pub(crate) struct Network {
    /// The name servers to ask in place of the system's.
    name_servers: Vec<SocketAddr>,
    /// A resolver belongs to the runtime that first used it: each core has its own.
    resolvers: Vec<Resolver>,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Network {
    pub(crate) fn new(cores: usize, name_servers: Vec<SocketAddr>) -> Self {
        let resolvers = (0..cores).map(|_| Resolver::default()).collect();
        Self { name_servers, resolvers, tls: OnceLock::new() }
    }

    /// The same for one thread that has a runtime of its own.
    pub(crate) fn alone(&self) -> Self {
        let name_servers = self.name_servers.clone();
        Self { name_servers, resolvers: vec![Resolver::default()], tls: self.tls.clone() }
    }

    /// How many cores they run on.
    pub(crate) fn cores(&self) -> usize {
        self.resolvers.len()
    }

    /// The addresses of `name`: from the hosts file, else from the name servers.
    pub(super) async fn resolve(&self, core: CoreId, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let resolver = self.resolver_of(core)?;
        Ok(resolver.lookup_ip(name).await?.iter().collect())
    }

    /// The resolver of `core`; made anew once in a while, because networks and hosts files change under a host.
    fn resolver_of(&self, core: CoreId) -> Result<TokioResolver, NetError> {
        let slot = || self.resolvers[core.0].lock().expect("invariant: nothing panics while it holds this lock");
        let known = slot().clone().filter(|(made, _)| made.elapsed() < RESOLVER_AGE_MAX);
        if let Some((_, resolver)) = known {
            return Ok(resolver);
        }
        let resolver = self.resolver()?;
        *slot() = Some((Instant::now(), resolver.clone()));
        Ok(resolver)
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let (config, mut options) = match self.name_servers.is_empty() {
            // A machine without a resolver's configuration still has its hosts file.
            true => read_system_conf().unwrap_or_else(|error| {
                tracing::warn!(%error, "the system's name servers are not known, names come from its hosts file alone");
                (ResolverConfig::default(), ResolverOpts::default())
            }),
            false => (asking(&self.name_servers), ResolverOpts::default()),
        };
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Always;
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build()
    }

    /// What TLS does and whom it trusts: the system's roots (or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name), and
    /// Mozilla's on a system without any.
    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let roots = roots::trusted().map_err(|error| rustls::Error::General(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.tls.get_or_init(|| Arc::new(config)).clone())
    }
}

fn asking(name_servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    ResolverConfig::from_name_servers(name_servers.iter().map(server).collect())
}
