//! Endpoints that sockets may reach: addresses with a port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::address::{AddressClass, AddressRange, AddressRangeError};

/// Endpoints that a manifest names: `10.1.0.0/16:5432`, `loopback:*`, `[fd00::1]:6379`, `public:443`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EndpointPattern {
    addresses: AddressRange,
    /// `None`: every port.
    port: Option<u16>,
}

/// Why a text names no endpoints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointPatternError {
    /// No port at its end.
    #[error("an endpoint ends with `:` and a port, or `:*` for every port")]
    NoPort,
    /// No number from 1 to 65535.
    #[error("the port is neither a number from 1 to 65535 nor `*`")]
    Port,
    /// An IPv6 address whose end nobody can tell from a port.
    #[error("an IPv6 address or network is written in brackets, as in [fd00::/8]:5432")]
    Brackets,
    /// No addresses before it.
    #[error(transparent)]
    Addresses(#[from] AddressRangeError),
}

impl EndpointPattern {
    /// Whether `endpoint` is one of those that it means.
    pub fn matches(&self, endpoint: SocketAddr) -> bool {
        self.addresses.contains(endpoint.ip()) && self.port.is_none_or(|port| port == endpoint.port())
    }
}

/// What sockets of one kind may do: reach the endpoints that match, and be reached from this machine alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketPolicy(pub Vec<EndpointPattern>);

impl SocketPolicy {
    /// Whether no socket of this kind can be had at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a peer at `endpoint` may be spoken to.
    pub fn reaches(&self, endpoint: SocketAddr) -> bool {
        self.0.iter().any(|pattern| pattern.matches(endpoint))
    }

    /// Whether a socket may have `endpoint` as its own and be reached there: on the loopback interface only, whatever
    /// else matches. Port 0 leaves the choice of the port to the system.
    pub fn serves(&self, endpoint: SocketAddr) -> bool {
        let is_here = |address: IpAddr| AddressClass::of(address) == AddressClass::Loopback;
        let any_port = |pattern: &EndpointPattern| pattern.addresses.contains(endpoint.ip());
        is_here(endpoint.ip()) && (self.reaches(endpoint) || endpoint.port() == 0 && self.0.iter().any(any_port))
    }
}

impl FromStr for EndpointPattern {
    type Err = EndpointPatternError;

    fn from_str(text: &str) -> Result<Self, EndpointPatternError> {
        let (addresses, port) = text.rsplit_once(':').ok_or(EndpointPatternError::NoPort)?;
        let addresses = match addresses.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => inside,
            None if addresses.contains(':') => return Err(EndpointPatternError::Brackets),
            None => addresses,
        };
        let port = match port {
            "*" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port > 0).ok_or(EndpointPatternError::Port)?)
            }
            _ => return Err(EndpointPatternError::Port),
        };
        let addresses = match addresses {
            "public" => AddressRange::Class(AddressClass::Public),
            range => range.parse()?,
        };
        Ok(Self { addresses, port })
    }
}

impl fmt::Display for EndpointPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses {
            AddressRange::Network { network: IpAddr::V6(_), .. } => write!(f, "[{}]", self.addresses)?,
            addresses => addresses.fmt(f)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}
