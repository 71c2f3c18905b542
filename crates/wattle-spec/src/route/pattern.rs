//! Patterns of paths: `/cart`, `/cart/...`, `/...`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::path::{PathError, normalize_path};

/// The most bytes a pattern may have.
pub const PATTERN_MAX_LEN: usize = 1024;

/// Which paths a route is for. The text is in the normal form of [`normalize_path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum PathPattern {
    /// `/cart`: this path only.
    Exact(String),
    /// `/cart/...`: `/cart` and everything below it. Held without the dots and without the last slash, so `/...` is empty.
    Prefix(String),
}

/// Why a text is not a pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than [`PATTERN_MAX_LEN`].
    #[error("a path has at most {PATTERN_MAX_LEN} bytes, this one has {0}")]
    TooLong(usize),
    /// It begins with something else.
    #[error("a path begins with `/`, {0:?} does not")]
    Relative(String),
    /// Dots in another place than the end.
    #[error("`...` is only understood as the last segment, as in `/cart/...`")]
    Dots,
    /// Two slashes in a row.
    #[error("a path has no empty segments: {0:?}")]
    EmptySegment(String),
    /// A query or a fragment.
    #[error("a route is for a path, and {0:?} begins a query or a fragment")]
    NotPath(char),
    /// What no request's path may have either.
    #[error(transparent)]
    Path(#[from] PathError),
    /// There is a simpler way to write it.
    #[error("{text:?} is not the normal form of this path")]
    NotNormal {
        /// As written.
        text: String,
        /// As it should be.
        normal: String,
    },
}

impl PatternError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            PatternError::Relative(text) => Some(format!("write `/{text}`")),
            PatternError::EmptySegment(text) => Some(format!("write `{}`", without_empty_segments(text))),
            PatternError::NotNormal { normal, .. } => Some(format!("write `{normal}`")),
            PatternError::NotPath(_) => Some("write the path alone; the component sees the query".into()),
            _ => None,
        }
    }
}

fn without_empty_segments(text: &str) -> String {
    let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

impl PathPattern {
    /// `/...`: every path.
    pub fn everything() -> Self {
        PathPattern::Prefix(String::new())
    }

    /// Whether `path`, in normal form, is one of its paths.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            PathPattern::Exact(exact) => exact == path,
            PathPattern::Prefix(prefix) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_MAX_LEN {
            return Err(PatternError::TooLong(text.len()));
        }
        if !text.starts_with('/') {
            return Err(PatternError::Relative(text.into()));
        }
        if let Some(mark) = text.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(PatternError::NotPath(mark));
        }
        if text.contains("//") {
            return Err(PatternError::EmptySegment(text.into()));
        }
        let (path, is_prefix) = match text.strip_suffix("/...") {
            Some(path) => (path, true),
            None => (text, false),
        };
        if path.contains("...") {
            return Err(PatternError::Dots);
        }
        if path.is_empty() {
            return Ok(Self::everything());
        }
        let normal = normalize_path(path)?;
        if normal != path {
            let normal = if is_prefix { format!("{normal}/...") } else { normal.into_owned() };
            return Err(PatternError::NotNormal { text: text.into(), normal });
        }
        Ok(if is_prefix { PathPattern::Prefix(path.into()) } else { PathPattern::Exact(path.into()) })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathPattern::Exact(path) => f.write_str(path),
            PathPattern::Prefix(path) => write!(f, "{path}/..."),
        }
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.to_string()
    }
}
