//! What a manifest calls a folder of its app: a path from the manifest on, which never leaves its directory.

use std::fmt;
use std::str::FromStr;

/// The most bytes of such a path.
const PATH_MAX_LEN: usize = 1 << 10;

/// The path of a folder below the manifest, such as `public` or `site/dist`. A manifest may write `./public/` as well:
/// whoever looks for a folder reads what is written there in the same way.
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
    /// It is the manifest's own folder, with all that lies beside it.
    #[error("a path in an app names a folder below its manifest, and this one is the manifest's own")]
    Own,
    /// It is, or is in, a folder that is nobody's to publish, such as `.git`.
    #[error("a path in an app must not have parts that begin with `.`, as {0:?} does")]
    Hidden(String),
    /// It has a NUL, or something that terminals take for a command.
    #[error("a path must not contain control characters")]
    Control,
}

impl FolderPath {
    /// Its text: parts with one slash between them, and neither `.` nor `..` among them.
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
            _ => below(text),
        }
    }
}

fn below(text: &str) -> Result<FolderPath, FolderPathError> {
    let parts: Vec<_> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match parts.iter().find(|part| part.starts_with('.')) {
        Some(hidden) => Err(FolderPathError::Hidden((*hidden).into())),
        None if parts.is_empty() => Err(FolderPathError::Own),
        None => Ok(FolderPath(parts.join("/"))),
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
