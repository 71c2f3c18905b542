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

/// Where credentials are.
pub trait Credentials: Send + Sync {
    /// What to log in to `registry` (a host name, with its port if it has one) with. May wait for a helper's process:
    /// to be called where a thread may wait.
    ///
    /// # Errors
    ///
    /// If they cannot be read. That there are none is no error: [`Credential::Anonymous`].
    fn of(&self, registry: &str) -> Result<Credential, CredentialsError>;
}

/// Nobody logs in.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn of(&self, _: &str) -> Result<Credential, CredentialsError> {
        Ok(Credential::Anonymous)
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
