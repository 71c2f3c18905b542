//! Networks of addresses, for who is trusted.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A network: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpNet);

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network, as in 10.0.0.0/8, fd00::/8 or 127.0.0.1")]
pub struct NetworkError(String);

impl Network {
    /// Whether `address` is in it. An IPv4 address may come in the clothes of IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse()
            .or_else(|_| one())
            .map(|network: IpNet| Self(network.trunc()))
            .map_err(|_| NetworkError(text.into()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
