//! Host names: those of routes, and those that requests are for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The most bytes of a host name in DNS.
const HOST_MAX_LEN: usize = 253;

/// The name of a host that requests are for: lower case, without a port. International names as punycode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

/// Why a text is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostNameError {
    /// Empty, too long, or with a label that is.
    #[error("a host name has labels of 1 to 63 characters and at most 253 in all")]
    Length,
    /// A port is no part of a name.
    #[error("a host name has no port; a route is for every port that the host listens on")]
    Port,
    /// There are no patterns of host names.
    #[error("a host name has no wildcards")]
    Wildcard,
    /// Something that no name has.
    #[error("a host name is made of letters, digits, hyphens and dots, {0:?} is not")]
    BadCharacter(char),
}

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has labels before `suffix`.
    pub fn is_below(&self, suffix: &HostName) -> bool {
        self.0.strip_suffix(suffix.as_str()).is_some_and(|labels| labels.ends_with('.'))
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        if text.starts_with('[') && text.ends_with(']') {
            let address = text[1..text.len() - 1].parse::<std::net::Ipv6Addr>();
            return address.map(|address| Self(format!("[{address}]"))).map_err(|_| HostNameError::BadCharacter('['));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        match name.chars().find(|c| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_')) {
            Some('*') => return Err(HostNameError::Wildcard),
            Some(':') => return Err(HostNameError::Port),
            Some(bad) => return Err(HostNameError::BadCharacter(bad)),
            None => {}
        }
        if name.len() > HOST_MAX_LEN || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
            return Err(HostNameError::Length);
        }
        if name.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
            return Err(HostNameError::BadCharacter('-'));
        }
        Ok(Self(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The host name in an authority or a `Host` header, as routes have it: without the port and the last dot, lower case.
/// What is no host name comes out as something that no route is for.
pub fn host_of(authority: &str) -> Cow<'_, str> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    }
}
