//! Socket addresses as people write them: an IP address and a port, and what was meant where something else stands.

use std::net::{IpAddr, SocketAddr};

/// Why a text is not a socket address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080")]
pub struct SocketError {
    text: String,
}

/// Reads `127.0.0.1:8080` or `[::]:8080`.
///
/// # Errors
///
/// If it is anything else, names of hosts included: one can mean several addresses.
pub fn parse(text: &str) -> Result<SocketAddr, SocketError> {
    text.parse().map_err(|_| SocketError { text: text.into() })
}

impl SocketError {
    /// What to write instead.
    pub fn hint(&self) -> String {
        let text = self.text.as_str();
        let (host, port) = match text.rsplit_once(':') {
            _ if text.parse::<IpAddr>().is_ok() => (text, "8080"),
            Some((host, port)) => (host, port),
            None if text.parse::<u16>().is_ok() => ("", text),
            None => (text, "8080"),
        };
        let port = port.parse().unwrap_or(8080);
        match host.parse::<IpAddr>() {
            Ok(address) => format!("write `{}`", SocketAddr::new(address, port)),
            Err(_) if host == "*" => format!("write `0.0.0.0:{port}` or `[::]:{port}`"),
            Err(_) if host == "localhost" => format!("write `127.0.0.1:{port}` or `[::1]:{port}`"),
            Err(_) if host.is_empty() => {
                format!("write `127.0.0.1:{port}` for this machine alone, or `0.0.0.0:{port}` for all of its addresses")
            }
            Err(_) => format!("write an address and no name, as in `127.0.0.1:{port}`"),
        }
    }
}
