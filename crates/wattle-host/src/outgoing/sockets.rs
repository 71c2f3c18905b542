//! Sockets of guests: each use of an address is checked against what the component may reach, and each name that it may
//! look up opens what it leads to.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;
use wattle_spec::network::{AddressClass, NetworkPolicy, SocketPolicy};
use wattle_spec::route::HostName;

use super::Outgoing;
use crate::cores::CoreId;

/// Addresses that one instance may remember as found.
const FOUND_MAX: usize = 1_000;

/// What the names that an instance has looked up lead to. `None`: it has no sockets to use it with.
#[derive(Clone, Default)]
pub(crate) struct Found(Option<Arc<Mutex<Vec<Opened>>>>);

/// An address that a name opened.
#[derive(PartialEq, Eq)]
struct Opened {
    kind: Kind,
    address: IpAddr,
    /// `None`: every one.
    port: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tcp,
    Udp,
}

/// Why a name was not resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// Nothing of it can be reached, so nobody needs to know.
    #[error("the component may not look up {0}")]
    Denied(String),
    /// It leads where the component may not go.
    #[error("{name} is {address}, a {class} address")]
    Prohibited { name: String, address: IpAddr, class: AddressClass },
    /// Not a name at all.
    #[error("{0:?} is not the name of a host")]
    NoName(String),
    /// Nobody knows it, or nobody answers.
    #[error("{0} cannot be resolved")]
    Unresolved(String),
}

impl Found {
    fn lock(&self) -> Option<MutexGuard<'_, Vec<Opened>>> {
        Some(self.0.as_ref()?.lock().expect("invariant: nothing panics while it holds this lock"))
    }

    fn open(&self, opened: Opened) {
        let Some(mut all) = self.lock() else { return };
        if all.len() < FOUND_MAX && !all.contains(&opened) {
            all.push(opened);
        }
    }

    fn opens(&self, kind: Kind, endpoint: SocketAddr) -> bool {
        let address = endpoint.ip().to_canonical();
        let fits = |opened: &Opened| opened.port.is_none_or(|port| port == endpoint.port());
        let is_it = |opened: &Opened| opened.kind == kind && opened.address == address && fits(opened);
        self.lock().is_some_and(|all| all.iter().any(is_it))
    }
}

impl Outgoing {
    /// Gives an instance the sockets that its component may have: none, unless its manifest says so.
    pub(crate) fn grant_sockets(&self, builder: &mut WasiCtxBuilder) -> Found {
        let (tcp, udp) = (self.policy.has_tcp(), !self.policy.udp.is_empty());
        builder.allow_tcp(tcp).allow_udp(udp);
        if !tcp && !udp {
            return Found::default();
        }
        let (policy, found) = (self.policy.clone(), Found(Some(Arc::default())));
        let known = found.clone();
        builder.socket_addr_check(move |address, purpose| {
            let allowed = allows(&policy, &known, address, purpose);
            Box::pin(std::future::ready(allowed))
        });
        found
    }

    /// The addresses of `name` that the component may reach; from now on `found` knows them.
    pub(crate) async fn look_up(&self, core: CoreId, name: String, found: Found) -> Result<Vec<IpAddr>, LookupError> {
        // An address needs no resolver; what it is good for is decided when it is used.
        if let Ok(address) = name.trim_matches(['[', ']']).parse() {
            return Ok(vec![address]);
        }
        let host: HostName = name.parse().map_err(|_| LookupError::NoName(name.clone()))?;
        let ports = |kind, sockets: &SocketPolicy| sockets.ports_of(&host).into_iter().map(move |port| (kind, port));
        let ports: Vec<_> = ports(Kind::Tcp, &self.policy.tcp).chain(ports(Kind::Udp, &self.policy.udp)).collect();
        if ports.is_empty() {
            return Err(LookupError::Denied(name));
        }
        let resolved =
            tokio::time::timeout(self.limits.outgoing_connect_timeout, self.network.resolve(core, host.as_str()));
        let Ok(Ok(addresses)) = resolved.await else { return Err(LookupError::Unresolved(name)) };
        let mut allowed = Vec::new();
        let mut denied = None;
        for address in addresses.into_iter().map(|address| address.to_canonical()) {
            match self.policy.check_address(address) {
                Ok(()) => allowed.push(address),
                Err(class) => denied = Some((address, class)),
            }
        }
        if let (Some((address, class)), true) = (denied, allowed.is_empty()) {
            return Err(LookupError::Prohibited { name, address, class });
        }
        for address in &allowed {
            ports.iter().for_each(|(kind, port)| found.open(Opened { kind: *kind, address: *address, port: *port }));
        }
        Ok(allowed)
    }
}

fn allows(policy: &NetworkPolicy, found: &Found, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        SocketAddrUse::TcpConnect => policy.tcp.reaches(address) || found.opens(Kind::Tcp, address),
        // Before it connects, a socket is bound to no address in particular; nobody can reach it there.
        SocketAddrUse::TcpBind if address.port() == 0 && address.ip().is_unspecified() => true,
        SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => policy.tcp.serves(address) || policy.listens_at(address),
        // It came to an address at which the socket may listen; only those of `listen` can others reach.
        SocketAddrUse::TcpAccept => address.ip().to_canonical().is_loopback() || !policy.listen.is_empty(),
        SocketAddrUse::UdpBind => policy.udp.serves(address),
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
            policy.udp.reaches(address) || found.opens(Kind::Udp, address)
        }
    }
}
