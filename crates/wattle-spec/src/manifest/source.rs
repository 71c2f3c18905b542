//! Where a component's bytes are, as written in `source`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the bytes of a component are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file, relative to the directory of the manifest unless it is absolute.
    File(PathBuf),
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
    /// It looks like `registry.example.com/shop/cart:1.0`.
    #[error("{0:?} is a reference to a registry, and those are not supported yet")]
    Registry(String),
    /// It looks like `https://example.com/cart.wasm`.
    #[error("{0:?} is a URL, and a source is a path")]
    Url(String),
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SourceError::Empty | SourceError::Nul => Some("write the path of a .wasm file".into()),
            SourceError::Registry(reference) if reference.contains("://") => {
                Some("fetch the component into a file and write its path".into())
            }
            SourceError::Registry(reference) => Some(format!(
                "fetch the component into a file and write its path; if it is a path, write `./{reference}`"
            )),
            SourceError::Url(_) => Some("download it and write the path of the file".into()),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once("://") {
            _ if text.is_empty() => Err(SourceError::Empty),
            _ if text.contains('\0') => Err(SourceError::Nul),
            Some(("oci" | "docker", _)) => Err(SourceError::Registry(text.into())),
            Some(_) => Err(SourceError::Url(text.into())),
            None if is_reference(text) => Err(SourceError::Registry(text.into())),
            None => Ok(Self::File(Path::new(text).into())),
        }
    }
}

/// Whether `text` names an artifact in a registry: it has a digest, or begins with a host name as Docker tells it (a dot or a port in
/// front of the first slash) and does not end as a Wasm file does.
fn is_reference(text: &str) -> bool {
    let is_path = text.starts_with(['.', '/']) || text.ends_with(".wasm") || text.ends_with(".wat");
    let is_host = |host: &str| host == "localhost" || host.contains(['.', ':']);
    text.contains("@sha256:") || !is_path && text.split_once('/').is_some_and(|(host, _)| is_host(host))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
        }
    }
}
