//! Where a component's bytes are, as written in `source`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{Reference, ReferenceError, is_registry};

/// Where the bytes of a component are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file, relative to the directory of the manifest unless it is absolute.
    File(PathBuf),
    /// An artifact in a registry.
    Registry(Reference),
}

/// Whether a registry is asked for an artifact, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pull {
    /// Never: what is not on this machine is a fault.
    Never,
    /// If it is not on this machine.
    #[default]
    Missing,
    /// At each start: where does the tag point now? What has not changed is not fetched again.
    Always,
}

/// Why a text is not a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nothing was written.
    #[error("a source must not be empty")]
    Empty,
    /// No path has such a character.
    #[error("a path must not contain a NUL")]
    Nul,
    /// It looks like `registry.example.com/shop/cart:1.0`, and is not written as such.
    #[error("{text:?} is no reference to a registry: {error}")]
    Reference {
        /// What was written.
        text: String,
        /// What is wrong with it.
        error: ReferenceError,
    },
    /// It looks like `https://example.com/cart.wasm`.
    #[error("{0:?} is a URL, and a source is a path or a reference to a registry")]
    Url(String),
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SourceError::Empty | SourceError::Nul => {
                Some("write the path of a .wasm file, or a reference as in `ghcr.io/shop/cart:1.0`".into())
            }
            SourceError::Reference { text, .. } if text.contains("://") => None,
            SourceError::Reference { text, .. } => Some(format!("if it is a path, write `./{text}`")),
            SourceError::Url(_) => Some("download it and write the path of the file".into()),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let reference = |reference: &str| {
            let wrong = |error| SourceError::Reference { text: text.into(), error };
            reference.parse().map(Self::Registry).map_err(wrong)
        };
        match text.split_once("://") {
            _ if text.is_empty() => Err(SourceError::Empty),
            _ if text.contains('\0') => Err(SourceError::Nul),
            Some(("oci", rest)) => reference(rest),
            Some(_) => Err(SourceError::Url(text.into())),
            None if is_reference(text) => reference(text),
            None => Ok(Self::File(Path::new(text).into())),
        }
    }
}

/// Whether `text` names an artifact in a registry: it has a digest, or begins with a host name as Docker tells it and
/// does not end as a Wasm file does.
fn is_reference(text: &str) -> bool {
    let is_path = text.starts_with(['.', '/']) || text.ends_with(".wasm") || text.ends_with(".wat");
    text.contains("@sha256:") || !is_path && text.split_once('/').is_some_and(|(host, _)| is_registry(host))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Registry(reference) => reference.fmt(f),
        }
    }
}
