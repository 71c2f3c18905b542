//! What of the network a component may reach: origins by name, and addresses by the range that they are in.
//!
//! Both are asked for each connection. A name that is allowed leads nowhere if it resolves to an address that is not:
//! whoever answers for the name does not choose what our machines reach.

mod address;
mod endpoint;
mod origin;

use std::net::IpAddr;

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
    /// Whether requests to `origin` are allowed. One that is a name may still lead to an address that is not.
    ///
    /// # Errors
    ///
    /// If no pattern means it, or it is itself an address that is neither allowed nor written out in a pattern.
    pub fn check(&self, origin: &Origin) -> Result<(), Denied> {
        let mut meaning = self.http.iter().filter(|pattern| pattern.matches(origin)).peekable();
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
