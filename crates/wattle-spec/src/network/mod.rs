//! What of the network a component may reach: origins by name, and addresses by the range that they are in.
//!
//! Both are asked for each connection. A name that is allowed leads nowhere if it resolves to an address that is not:
//! whoever answers for the name does not choose what our machines reach.

mod address;
mod endpoint;
mod origin;

use std::net::{IpAddr, SocketAddr};

pub use address::{AddressClass, AddressRange, AddressRangeError};
pub use endpoint::{EndpointPattern, EndpointPatternError, SocketPolicy};
pub use origin::{Host, Origin, OriginError, OriginPattern, OriginPatternError, Scheme};
pub(crate) use origin::{host_and_port, read_port};

/// What a component may reach. By default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    /// The origins that it may send HTTP requests to.
    pub http: Vec<OriginPattern>,
    /// The addresses that these may lead to beside the public ones.
    pub networks: Vec<AddressRange>,
    /// Where its TCP sockets may listen for everybody. Port 0 stands for every port.
    pub listen: Vec<SocketAddr>,
    /// Its TCP sockets.
    pub tcp: SocketPolicy,
    /// Its UDP sockets.
    pub udp: SocketPolicy,
}

/// Why a component may not reach something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No pattern means the origin.
    #[error("the component may not reach it")]
    Origin,
    /// The origin is an address that is not public.
    #[error("it is a {0} address")]
    Address(AddressClass),
}

impl NetworkPolicy {
    /// Whether it lets a component have TCP sockets at all.
    pub fn has_tcp(&self) -> bool {
        !self.tcp.is_empty() || !self.listen.is_empty()
    }

    /// Whether a TCP socket may listen at `endpoint` for everybody.
    pub fn listens_at(&self, endpoint: SocketAddr) -> bool {
        let is_it = |own: &SocketAddr| own.ip() == endpoint.ip() && (own.port() == 0 || own.port() == endpoint.port());
        self.listen.iter().any(is_it)
    }

    /// Whether requests to `origin` are allowed. One that is a name may still lead to an address that is not.
    ///
    /// # Errors
    ///
    /// If no pattern means it, or it is itself an address that is neither allowed nor written out in a pattern.
    pub fn check(&self, origin: &Origin) -> Result<(), Denied> {
        // A wildcard stands for the world, not for what the app has behind its own routes.
        let is_meant = |pattern: &&OriginPattern| pattern.matches(origin) && (pattern.is_exact() || !origin.is_self());
        let mut meaning = self.http.iter().filter(is_meant).peekable();
        if meaning.peek().is_none() {
            return Err(Denied::Origin);
        }
        match &origin.host {
            Host::Address(address) if !meaning.any(OriginPattern::is_exact) => {
                self.check_address(*address).map_err(Denied::Address)
            }
            Host::Address(_) | Host::Name(_) => Ok(()),
        }
    }

    /// Whether a name that is allowed may lead to `address`.
    ///
    /// # Errors
    ///
    /// The class of the address, if it is neither public nor in a range that is allowed.
    pub fn check_address(&self, address: IpAddr) -> Result<(), AddressClass> {
        let class = AddressClass::of(address);
        match class == AddressClass::Public || self.networks.iter().any(|range| range.contains(address)) {
            true => Ok(()),
            false => Err(class),
        }
    }
}
