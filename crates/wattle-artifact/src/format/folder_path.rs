//! What a manifest calls a folder of its app: a path from the manifest on, which never leaves its directory.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The most bytes of such a path.
const PATH_MAX_LEN: usize = 1 << 10;

/// The path of a folder as the manifest writes it, such as `public` or `./site/dist`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(String);

/// Why a text is no path of a folder in an app.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderPathError {
    /// Nothing was written.
    #[error("a path must not be empty")]
    Empty,
    /// It is longer than any that is used.
    #[error("a path in an app has at most {PATH_MAX_LEN} bytes")]
    TooLong,
    /// It would be another folder on another machine.
    #[error("a path in an app starts at its manifest, and this one at the root")]
    Absolute,
    /// It is not below the manifest.
    #[error("a path in an app must not go up with `..`")]
    Up,
    /// It has a NUL, or something that terminals take for a command.
    #[error("a path must not contain control characters")]
    Control,
}

impl FolderPath {
    /// Its text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FolderPath {
    type Err = FolderPathError;

    fn from_str(text: &str) -> Result<Self, FolderPathError> {
        match text {
            "" => Err(FolderPathError::Empty),
            _ if text.len() > PATH_MAX_LEN => Err(FolderPathError::TooLong),
            _ if text.starts_with('/') => Err(FolderPathError::Absolute),
            _ if text.split('/').any(|part| part == "..") => Err(FolderPathError::Up),
            _ if text.contains(char::is_control) => Err(FolderPathError::Control),
            _ => Ok(Self(text.into())),
        }
    }
}

impl Borrow<str> for FolderPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
