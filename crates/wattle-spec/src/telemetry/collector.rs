//! Where a collector is: an origin, and the path below which it takes each signal.

use std::fmt;
use std::str::FromStr;

use crate::network::{Origin, OriginError};

/// The base URL of a collector of OTLP over HTTP. What it is sent goes to `v1/traces` and `v1/metrics` below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorUrl {
    origin: Origin,
    /// Without a slash at its end.
    path: String,
}

/// Why a text is not the URL of a collector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectorUrlError {
    /// It begins with something else.
    #[error("the URL of a collector begins with http:// or https://")]
    Scheme,
    /// Its host is none.
    #[error("the URL of a collector has no usable host: {0}")]
    Origin(OriginError),
    /// Something that a URL of this kind does not have.
    #[error("the URL of a collector is a scheme, a host, a port and a path, without {0:?}")]
    Surplus(char),
}

impl CollectorUrl {
    /// Whom it leads to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The URL for one signal: `traces` or `metrics`.
    pub fn of(&self, signal: &str) -> String {
        format!("{self}/v1/{signal}")
    }
}

impl CollectorUrlError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            CollectorUrlError::Origin(OriginError::User) => "put credentials into `headers`",
            _ => "as in `http://127.0.0.1:4318`, the usual port of OTLP over HTTP",
        }
    }
}

impl FromStr for CollectorUrl {
    type Err = CollectorUrlError;

    fn from_str(text: &str) -> Result<Self, CollectorUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(CollectorUrlError::Scheme)?;
        if !matches!(scheme, "http" | "https") {
            return Err(CollectorUrlError::Scheme);
        }
        if let Some(surplus) = rest.chars().find(|c| matches!(c, '?' | '#' | '\\') || !c.is_ascii_graphic()) {
            return Err(CollectorUrlError::Surplus(surplus));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self {
            origin: Origin::new(scheme, authority).map_err(CollectorUrlError::Origin)?,
            path: path.trim_end_matches('/').into(),
        })
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.origin.scheme, self.origin.authority(), self.path)
    }
}
