//! `wattle login` and `wattle logout`: credentials for a registry, kept where Docker keeps them.

use std::io::{self, Read};
use std::sync::Arc;

use wattle_artifact::credentials::{self, Credential, Credentials, CredentialsError, Found, Kept, LoggedIn, LoggedOut};
use wattle_artifact::registry::RegistryError;
use zeroize::Zeroizing;

use super::{runtime, tell};
use crate::artifacts::{places, registries_with};
use crate::cli::{Login, Logout};
use crate::problem::Problem;

/// The most bytes that a password may have: tokens are a few kilobytes at most.
const PASSWORD_MAX_LEN: u64 = 64 << 10;

/// What somebody wants to log in with.
struct Told {
    user: String,
    password: Zeroizing<String>,
}

impl Credentials for Told {
    fn of(&self, _: &str, _: &str) -> Result<Found, CredentialsError> {
        Ok(Credential::Password { user: self.user.clone(), password: self.password.clone() }.into())
    }
}

pub(crate) fn run(arguments: &Login) -> Result<(), Problem> {
    let Login { registry, user, .. } = arguments;
    let mut password = Zeroizing::new(String::new());
    let read = io::stdin().lock().take(PASSWORD_MAX_LEN + 1).read_to_string(&mut password);
    read.map_err(|source| Problem::System { operation: "read the password from stdin", source })?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() as u64 > PASSWORD_MAX_LEN {
        return Err(Problem::NoPassword);
    }
    let told = Told { user: user.clone(), password: Zeroizing::new(password.into()) };
    let registries = registries_with(&arguments.reaching, registry, Arc::new(told))?;
    runtime()?.block_on(registries.log_in(registry)).map_err(|source| match source {
        RegistryError::Unauthorized { .. } => Problem::WrongPassword { registry: registry.to_string() },
        source => Problem::Login { registry: registry.to_string(), source },
    })?;
    let registry = registry.as_str();
    let LoggedIn { kept, hidden_by } = credentials::login(&places(), registry, user, password)?;
    match kept {
        Kept::InTheClear { path } => tell(&format!(
            "logged in; the password is in {}, where whoever can read that file can read it\n",
            path.display()
        )),
        Kept::ByHelper { program, .. } => tell(&format!("logged in; {program} keeps the password\n")),
    }
    if let Some(path) = hidden_by {
        tell(&format!("warning: {} has something else for {registry}, and goes first\n", path.display()));
    }
    Ok(())
}

pub(crate) fn out(arguments: &Logout) -> Result<(), Problem> {
    let registry = arguments.registry.as_str();
    let LoggedOut { from, remains_in } = credentials::logout(&places(), registry)?;
    tell(&match from.is_empty() {
        true => format!("nobody was logged in to {registry}\n"),
        false => format!("logged out of {registry}\n"),
    });
    for path in remains_in {
        tell(&format!("warning: {} still has something for {registry}\n", path.display()));
    }
    Ok(())
}
