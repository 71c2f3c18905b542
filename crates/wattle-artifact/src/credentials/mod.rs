//! What this user logs in to registries with, as Docker and Podman keep it.
//!
//! [`FileCredentials`] reads their files, and asks the helpers that those name. [`login()`] and [`logout()`] change
//! Docker's. No secret is ever part of an error, of a line of the log, or of what `Debug` shows.

mod auth_file;
mod child;
mod entry;
mod error;
mod file_credentials;
mod helper;
mod login;
mod places;
mod registry_name;

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

pub use error::CredentialsError;
pub use file_credentials::FileCredentials;
pub use login::{Kept, LoggedIn, LoggedOut, login, logout};
pub use places::Places;

/// What a registry is told about who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Anonymous,
    /// A name and a password, or a token in the place of one.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A token that the registry's authority changes into one to ask with (OAuth 2 `refresh_token`).
    IdentityToken(Zeroizing<String>),
}

/// What there is to log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the registry is told.
    pub credential: Credential,
    /// Who has that, if somebody can be told.
    pub origin: Option<Origin>,
}

/// Where what one logs in with is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In this file.
    File(PathBuf),
    /// By a helper.
    Helper {
        /// The program.
        program: String,
        /// The file that names it.
        path: PathBuf,
    },
    /// By a helper that is not installed, if by anybody.
    Missing {
        /// The program.
        program: String,
        /// The file that names it.
        path: PathBuf,
    },
}

/// Where credentials are.
pub trait Credentials: Send + Sync {
    /// What to log in with to `registry` (a host name, with its port if it has one) for the repository at `path` in it.
    /// May wait for a helper's process: to be called where a thread may wait.
    ///
    /// # Errors
    ///
    /// If they cannot be read. That there are none is no error: [`Credential::Anonymous`].
    fn of(&self, registry: &str, path: &str) -> Result<Found, CredentialsError>;
}

impl From<Credential> for Found {
    /// One that nobody says the origin of.
    fn from(credential: Credential) -> Self {
        Self { credential, origin: None }
    }
}

/// Nobody logs in.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn of(&self, _: &str, _: &str) -> Result<Found, CredentialsError> {
        Ok(Credential::Anonymous.into())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Password { user, .. } => f.debug_struct("Password").field("user", user).finish_non_exhaustive(),
            Self::IdentityToken(_) => f.write_str("IdentityToken"),
        }
    }
}
