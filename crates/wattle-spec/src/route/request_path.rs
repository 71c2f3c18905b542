//! The path of one request, as somebody writes it down.

use std::fmt;
use std::str::FromStr;

use super::pattern::{PathPattern, PatternError};

/// A path without a query, in the normal form of [`normalize_path`](super::normalize_path).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestPath(String);

/// Why a text is not the path of one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestPathError {
    /// A pattern, as routes have it.
    #[error("`...` stands for many paths, and one is asked for")]
    Many,
    /// No route could be for it.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl RequestPathError {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            RequestPathError::Many => Some("write the whole path, as in `/healthz`".into()),
            RequestPathError::Pattern(error) => error.hint(),
        }
    }
}

impl RequestPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestPath {
    type Err = RequestPathError;

    fn from_str(text: &str) -> Result<Self, RequestPathError> {
        match text.parse()? {
            PathPattern::Exact(path) => Ok(Self(path)),
            PathPattern::Prefix(_) => Err(RequestPathError::Many),
        }
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
