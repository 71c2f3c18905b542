//! Endpoints that sockets may reach: addresses, or names, with a port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::address::{AddressClass, AddressRange, AddressRangeError};
use super::origin::Host;
use crate::route::HostName;

/// Endpoints that a manifest names: `10.1.0.0/16:5432`, `loopback:*`, `[fd00::1]:6379`, `db.example.com:5432`,
/// `*.example.com:443`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointPattern {
    place: Place,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Addresses(AddressRange),
    Name(HostName),
    /// Every name that has labels before this one.
    Below(HostName),
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
    /// A star that is not the first label.
    #[error(
        "a `*` stands for whole labels at the start of a name (`*.example.com`); for addresses write `public` or a network"
    )]
    Wildcard,
    /// Neither addresses nor a name.
    #[error(transparent)]
    Addresses(#[from] AddressRangeError),
}

impl EndpointPattern {
    /// Whether `endpoint` is one of those that it means by their address.
    pub fn matches(&self, endpoint: SocketAddr) -> bool {
        self.contains(endpoint.ip()) && self.port.is_none_or(|port| port == endpoint.port())
    }

    /// Whether it leads to the loopback interface alone, as far as that can be told before a name is resolved.
    pub fn is_loopback(&self) -> bool {
        match &self.place {
            Place::Addresses(AddressRange::Class(class)) => *class == AddressClass::Loopback,
            Place::Addresses(AddressRange::Network { network, bits }) => {
                AddressClass::of(*network) == AddressClass::Loopback && *bits >= 8
            }
            Place::Name(_) | Place::Below(_) => true,
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        matches!(&self.place, Place::Addresses(range) if range.contains(address))
    }

    fn means(&self, name: &HostName) -> bool {
        match &self.place {
            Place::Addresses(_) => false,
            Place::Name(own) => own == name,
            Place::Below(suffix) => name.is_below(suffix),
        }
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

    /// The ports (`None`: every one) at which what `name` resolves to may be reached. Empty: it may not be looked up.
    pub fn ports_of(&self, name: &HostName) -> Vec<Option<u16>> {
        self.0.iter().filter(|pattern| pattern.means(name)).map(|pattern| pattern.port).collect()
    }

    /// Whether a socket may have `endpoint` as its own and be reached there: on the loopback interface only, whatever
    /// else matches. Port 0 leaves the choice of the port to the system.
    pub fn serves(&self, endpoint: SocketAddr) -> bool {
        let is_here = |address: IpAddr| AddressClass::of(address) == AddressClass::Loopback;
        let any_port = |pattern: &EndpointPattern| pattern.contains(endpoint.ip());
        is_here(endpoint.ip()) && (self.reaches(endpoint) || endpoint.port() == 0 && self.0.iter().any(any_port))
    }
}

impl FromStr for EndpointPattern {
    type Err = EndpointPatternError;

    fn from_str(text: &str) -> Result<Self, EndpointPatternError> {
        let (addresses, port) = text.rsplit_once(':').ok_or(EndpointPatternError::NoPort)?;
        let place = match addresses.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => Place::Addresses(inside.parse()?),
            None if addresses.contains(':') => return Err(EndpointPatternError::Brackets),
            None => place(addresses)?,
        };
        let port = match port {
            "*" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port > 0).ok_or(EndpointPatternError::Port)?)
            }
            _ => return Err(EndpointPatternError::Port),
        };
        Ok(Self { place, port })
    }
}

/// What is before the port: a range of addresses if it can be one, else a name.
fn place(text: &str) -> Result<Place, EndpointPatternError> {
    if text == "public" {
        return Ok(Place::Addresses(AddressRange::Class(AddressClass::Public)));
    }
    let no_range = match text.parse() {
        Ok(range) => return Ok(Place::Addresses(range)),
        Err(error) => error,
    };
    let name = |text: &str| match text.parse() {
        Ok(Host::Name(name)) => Ok(name),
        Ok(Host::Address(_)) | Err(_) => Err(EndpointPatternError::Addresses(no_range.clone())),
    };
    match text.strip_prefix("*.") {
        Some(suffix) if !suffix.contains('*') => name(suffix).map(Place::Below),
        _ if text.contains('*') => Err(EndpointPatternError::Wildcard),
        _ => name(text).map(Place::Name),
    }
}

impl fmt::Display for EndpointPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Addresses(range @ AddressRange::Network { network: IpAddr::V6(_), .. }) => write!(f, "[{range}]")?,
            Place::Addresses(range) => range.fmt(f)?,
            Place::Name(name) => name.fmt(f)?,
            Place::Below(suffix) => write!(f, "*.{suffix}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}
