//! Where a host listens, and for what.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

pub use crate::network::Scheme;
use crate::socket::{self, SocketError};

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listen {
    /// What is spoken there. `None`: HTTP over TLS if the host has a certificate, else plain HTTP.
    pub scheme: Option<Scheme>,
    /// The address.
    pub address: SocketAddr,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificatePaths {
    /// The chain of certificates as PEM, the server's own first.
    pub cert: PathBuf,
    /// The private key of the first as PEM.
    pub key: PathBuf,
}

impl CertificatePaths {
    /// The chain in the file `cert` with the key in the file `key`.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { cert: cert.into(), key: key.into() }
    }
}

impl FromStr for Listen {
    type Err = SocketError;

    fn from_str(text: &str) -> Result<Self, SocketError> {
        let (scheme, address) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(address), _) => (Some(Scheme::Https), address),
            (_, Some(address)) => (Some(Scheme::Http), address),
            _ => (None, text),
        };
        Ok(Self { scheme, address: socket::parse(address)? })
    }
}

/// As a text.
impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}://")?;
        }
        self.address.fmt(f)
    }
}
