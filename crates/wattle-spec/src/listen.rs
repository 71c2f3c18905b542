//! Where a host listens, and for what.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listen {
    /// What is spoken there. `None`: HTTP over TLS if the host has a certificate, else plain HTTP.
    pub scheme: Option<Scheme>,
    /// The address.
    pub address: SocketAddr,
}

/// What is spoken at an address. Either way it is HTTP/1.1 or HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePaths {
    /// The chain of certificates as PEM, the server's own first.
    pub cert: PathBuf,
    /// The private key of the first as PEM.
    pub key: PathBuf,
}

/// Why a text is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP address and a port, as in 127.0.0.1:8080, [::]:8080 or https://0.0.0.0:443")]
pub struct ListenError(String);

impl CertificatePaths {
    /// The chain in the file `cert` with the key in the file `key`.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { cert: cert.into(), key: key.into() }
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let (scheme, address) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(address), _) => (Some(Scheme::Https), address),
            (_, Some(address)) => (Some(Scheme::Http), address),
            _ => (None, text),
        };
        let address = address.parse().map_err(|_| ListenError(text.into()))?;
        Ok(Self { scheme, address })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
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
