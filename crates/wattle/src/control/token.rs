//! The token that lets somebody ask a host from another machine: the one line of a file that its owner alone can read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use wattle_spec::digest::Digest;
use zeroize::Zeroizing;

/// How long a token is at least: nobody guesses one of so many characters.
const LEN_MIN: usize = 32;
const LEN_MAX: usize = 1024;

/// Others than the owner may read, write or execute a file.
const OPEN: u32 = 0o077;

/// Why a file has no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("others than its owner may use {}: its mode is {mode:o}", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("{} belongs to the user {owner}, who knows what is in it", path.display())]
    NotOurs { path: PathBuf, owner: u32 },
    #[error("{} has {len} characters, and a token has {LEN_MIN} to {LEN_MAX}", path.display())]
    Len { path: PathBuf, len: usize },
    #[error("{} holds something else than letters, digits and - . _ ~ + / = of ASCII", path.display())]
    Characters { path: PathBuf },
}

impl TokenError {
    /// What to do about it on the machine of the host.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("make it with `(umask 077; openssl rand -hex 32 > {})`", path.display()))
            }
            _ => self.hint_elsewhere(),
        }
    }

    /// The same on another machine.
    pub(super) fn hint_elsewhere(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("copy the file that `token-file` names in `[control]` of the host.toml over there".into())
            }
            Self::Unreadable { .. } => None,
            Self::Open { path, .. } => Some(format!("close it with `chmod 600 {}`", path.display())),
            Self::NotOurs { .. } => Some("copy it into a file of the user that reads it".into()),
            Self::Len { .. } | Self::Characters { .. } => {
                Some("name the file that has the token and nothing else".into())
            }
        }
    }
}

/// A token.
pub(crate) struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The one in the file at `path`. It may be followed by the end of its line.
    ///
    /// # Errors
    ///
    /// If there is none, or others can read it.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.into(), source };
        // One file is opened, looked at and read; opening a pipe does not wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?);
        let found = file.metadata().map_err(unreadable)?;
        if !found.is_file() {
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let (mode, owner) = (found.mode() & 0o777, found.uid());
        if mode & OPEN != 0 {
            return Err(TokenError::Open { path: path.into(), mode });
        }
        if owner != rustix::process::geteuid().as_raw() && owner != 0 {
            return Err(TokenError::NotOurs { path: path.into(), owner });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LEN_MAX));
        file.take(2 * LEN_MAX as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        let token = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let token = token.strip_suffix(b"\r").unwrap_or(token);
        match std::str::from_utf8(token) {
            Ok(token) if !token.bytes().all(is_of_token) => Err(TokenError::Characters { path: path.into() }),
            Ok(token) if !(LEN_MIN..=LEN_MAX).contains(&token.len()) => {
                Err(TokenError::Len { path: path.into(), len: token.len() })
            }
            Ok(token) => Ok(Self(token.to_owned().into())),
            Err(_) => Err(TokenError::Characters { path: path.into() }),
        }
    }

    /// Whether somebody showed it. How long that takes says nothing of it: what is compared are hashes.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        Digest::of(shown) == Digest::of(self.0.as_bytes())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a token may have such a character ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1), `b64token`).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}
