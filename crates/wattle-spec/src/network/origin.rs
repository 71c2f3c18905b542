//! Origins, and the patterns that allow them: scheme, host and port, each compared as a value and never as text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::route::{HostName, HostNameError};

/// The host whose origin, `http://self`, stands for the routes of the app itself.
const SELF: &str = "self";

/// How an origin is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// Whom a request goes to: scheme, host and port (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its name or its address.
    pub host: Host,
    /// Its port, that of the scheme if none was given.
    pub port: u16,
}

/// The host of an origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, to be resolved.
    Name(HostName),
    /// An address itself.
    Address(IpAddr),
}

/// Why there is no origin in a scheme and an authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Neither `http` nor `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// Something before an `@`.
    #[error("an origin has no user in it")]
    User,
    /// No number up to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A number that some resolvers take for an address and others do not.
    #[error("{0:?} looks like an address but is not written as one, as in 192.0.2.1")]
    OddAddress(String),
    /// No host name.
    #[error(transparent)]
    Name(#[from] HostNameError),
}

impl Scheme {
    /// The port of an origin that gives none.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    fn read(text: &str) -> Result<Self, OriginError> {
        match text {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            _ => Err(OriginError::Scheme),
        }
    }
}

impl Origin {
    /// The origin of a request with this scheme and authority.
    ///
    /// # Errors
    ///
    /// If the authority is not one that every resolver and every server understands in the same way.
    pub fn new(scheme: &str, authority: &str) -> Result<Self, OriginError> {
        let scheme = Scheme::read(scheme)?;
        let (host, port) = host_and_port(authority)?;
        let port = port.map_or(Ok(scheme.port()), read_port)?;
        Ok(Self { scheme, host: host.parse()?, port })
    }

    /// Whether it stands for the routes of the app itself. They are spoken to without a socket, so no name is looked up,
    /// whatever the scheme and the port.
    pub fn is_self(&self) -> bool {
        self.host.is_self()
    }

    /// Whether somebody meant the routes of the app itself, and named them with TLS or with a port.
    pub fn is_odd_self(&self) -> bool {
        self.is_self() && (self.scheme, self.port) != (Scheme::Http, Scheme::Http.port())
    }

    /// Its host and, if it is not that of the scheme, its port.
    pub fn authority(&self) -> String {
        match self.port == self.scheme.port() {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl Host {
    fn is_self(&self) -> bool {
        matches!(self, Host::Name(name) if name.as_str() == SELF)
    }
}

/// The host and the port of an authority (RFC 3986, 3.2), neither looked at.
pub(crate) fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), OriginError> {
    if authority.contains('@') {
        return Err(OriginError::User);
    }
    let after_address = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_address..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_address + colon);
            Ok((host, Some(&port[1..])))
        }
        None => Ok((authority, None)),
    }
}

/// A port from 1.
pub(crate) fn read_port(text: &str) -> Result<u16, OriginError> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok().filter(|port| *port > 0).ok_or(OriginError::Port),
        false => Err(OriginError::Port),
    }
}

impl FromStr for Host {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let odd = |_| OriginError::OddAddress(text.into());
            return address.parse().map(|address: Ipv6Addr| Host::Address(address.into())).map_err(odd);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into()));
        }
        let name: HostName = text.parse()?;
        match ends_in_a_number(name.as_str()) {
            true => Err(OriginError::OddAddress(text.into())),
            false => Ok(Host::Name(name)),
        }
    }
}

/// Whether resolvers of old might take `name` for an IPv4 address: decimal, octal, hexadecimal or with parts left out.
/// No top-level domain is a number (the URL standard has the same rule).
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hex)
}

/// What a manifest allows: `https://api.example.com`, `https://*.example.com`, `http://intern:8080`, `https://*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginPattern {
    scheme: Scheme,
    host: HostPattern,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HostPattern {
    Any,
    /// Every name that has labels before this one.
    Below(HostName),
    Exact(Host),
}

/// Why a text is no pattern of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginPatternError {
    /// No scheme.
    #[error("an origin begins with `http://` or `https://`")]
    NoScheme,
    /// A path, a query or a fragment.
    #[error("an origin ends with its host or port: paths are not compared")]
    Path,
    /// A star that is neither the whole host nor its first label.
    #[error("a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port")]
    Wildcard,
    /// The app itself in another way than the one that there is.
    #[error("the app itself is `http://self`: without TLS, and without a port")]
    OddSelf,
    /// Letters that are not ASCII.
    #[error("a host with other letters than a to z is written in punycode (`xn--...`), as it is in DNS")]
    NotAscii,
    /// What no origin has.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

impl OriginPattern {
    /// Whether `origin` is one of those that it means.
    pub fn matches(&self, origin: &Origin) -> bool {
        let host = match (&self.host, &origin.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Exact(host), other) => host == other,
            (HostPattern::Below(suffix), Host::Name(name)) => name.is_below(suffix),
            (HostPattern::Below(_), Host::Address(_)) => false,
        };
        host && self.scheme == origin.scheme && self.port.is_none_or(|port| port == origin.port)
    }

    /// Whether it means one host only, written out.
    pub fn is_exact(&self) -> bool {
        matches!(self.host, HostPattern::Exact(_))
    }
}

impl FromStr for OriginPattern {
    type Err = OriginPatternError;

    fn from_str(text: &str) -> Result<Self, OriginPatternError> {
        if !text.is_ascii() {
            return Err(OriginPatternError::NotAscii);
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginPatternError::NoScheme)?;
        let scheme = Scheme::read(scheme)?;
        if authority.contains(['/', '?', '#']) {
            return Err(OriginPatternError::Path);
        }
        let (host, port) = host_and_port(authority)?;
        let port = match port {
            Some("*") => None,
            Some(port) => Some(read_port(port)?),
            None => Some(scheme.port()),
        };
        let host = match (host, host.strip_prefix("*.")) {
            ("*", _) => HostPattern::Any,
            (_, Some(suffix)) if !suffix.contains('*') => match suffix.parse()? {
                Host::Name(name) => HostPattern::Below(name),
                Host::Address(_) => return Err(OriginPatternError::Wildcard),
            },
            (host, _) if host.contains('*') => return Err(OriginPatternError::Wildcard),
            (host, _) => HostPattern::Exact(host.parse()?),
        };
        let is_self = matches!(&host, HostPattern::Exact(host) if host.is_self());
        if is_self && (scheme, port) != (Scheme::Http, Some(Scheme::Http.port())) {
            return Err(OriginPatternError::OddSelf);
        }
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => name.fmt(f),
            Host::Address(IpAddr::V4(address)) => address.fmt(f),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostPattern::Any => write!(f, "{}://*", self.scheme)?,
            HostPattern::Below(suffix) => write!(f, "{}://*.{suffix}", self.scheme)?,
            HostPattern::Exact(host) => write!(f, "{}://{host}", self.scheme)?,
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) if port != self.scheme.port() => write!(f, ":{port}"),
            Some(_) => Ok(()),
        }
    }
}
