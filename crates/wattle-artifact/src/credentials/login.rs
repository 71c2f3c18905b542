//! Logging in and out: what is kept where Docker would keep it.

use std::path::{Path, PathBuf};

use super::auth_file::AuthFile;
use super::helper::Helper;
use super::registry_name::RegistryName;
use super::{CredentialsError, Places, entry};

/// Where something to log in with is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In the file, where whoever can read that can read it: it is encoded and not encrypted.
    InTheClear {
        /// The file.
        path: PathBuf,
    },
    /// By a helper.
    ByHelper {
        /// The program.
        program: String,
        /// The file that names it.
        path: PathBuf,
    },
}

/// That somebody is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// Where that is kept.
    pub kept: Kept,
    /// A file that is looked at before, and has something else for the same registry: that is used.
    pub hidden_by: Option<PathBuf>,
}

/// That somebody is logged out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// Where it was kept. Nothing: nobody was logged in.
    pub from: Vec<Kept>,
    /// Other files that have something for the same registry. We did not write it, so it stays.
    pub remains_in: Vec<PathBuf>,
}

/// Keeps what to log in to `registry` with: with the helper that Docker's file names, or else in that file.
///
/// That the registry takes it is for the caller to find out before.
///
/// # Errors
///
/// If it cannot be kept. A helper that fails is an error: nothing is then written in the clear in its place.
pub fn login(places: &Places, registry: &str, user: &str, password: &str) -> Result<LoggedIn, CredentialsError> {
    let registry = RegistryName::parse(registry)?;
    fit(user, password)?;
    let path = places.docker_file().ok_or(CredentialsError::NoPlace)?;
    let hidden_by = others(places, &path, &registry)?.into_iter().next();
    let kept = AuthFile::change(&path, |file| {
        if let Some(name) = file.helper(&registry)? {
            let source = file.path.clone();
            let helper = Helper::new(places, &source, name)?;
            helper.store(&registry, user, password)?;
            // Docker leaves an empty entry, too: what was there before must not be used, and the registry is known.
            entry::clear(file.entry(&registry)?);
            return Ok(Kept::ByHelper { program: helper.program().into(), path: path.clone() });
        }
        entry::write(file.entry(&registry)?, user, password);
        Ok(Kept::InTheClear { path: path.clone() })
    })?;
    Ok(LoggedIn { kept, hidden_by })
}

/// Forgets what to log in to `registry` with, where Docker keeps it.
///
/// # Errors
///
/// If it cannot be forgotten.
pub fn logout(places: &Places, registry: &str) -> Result<LoggedOut, CredentialsError> {
    let registry = RegistryName::parse(registry)?;
    let path = places.docker_file().ok_or(CredentialsError::NoPlace)?;
    let remains_in = others(places, &path, &registry)?;
    let mut from = Vec::new();
    // Nothing to forget must not make a directory.
    if AuthFile::read(&path)?.is_some() {
        AuthFile::change(&path, |file| {
            if let Some(name) = file.helper(&registry)? {
                let helper = Helper::new(places, &file.path, name)?;
                // Asked first: to erase what is not there is an error to some and none to others.
                if helper.get(&registry)?.is_some() {
                    helper.erase(&registry)?;
                    from.push(Kept::ByHelper { program: helper.program().into(), path: path.clone() });
                }
            }
            if file.remove(&registry)? {
                from.push(Kept::InTheClear { path: path.clone() });
            }
            Ok(())
        })?;
    }
    Ok(LoggedOut { from, remains_in })
}

/// The files other than Docker's that have something for `registry`.
fn others(places: &Places, docker: &Path, registry: &RegistryName) -> Result<Vec<PathBuf>, CredentialsError> {
    let mut others = Vec::new();
    for path in places.files().into_iter().filter(|path| path != docker) {
        if let Some(file) = AuthFile::read(&path)?
            && file.mentions(registry)?
        {
            others.push(path);
        }
    }
    Ok(others)
}

/// Refuses what would be read as something else later.
fn fit(user: &str, password: &str) -> Result<(), CredentialsError> {
    let unfit = |reason| Err(CredentialsError::Unfit(reason));
    match (user, password) {
        ("", _) => unfit("the name is empty"),
        (_, "") => unfit("the password is empty"),
        (user, _) if user.contains(':') => unfit("the name has a colon, which ends it"),
        (user, password) if user.contains(char::is_control) || password.contains(char::is_control) => {
            unfit("the name or the password has a line end or another control character")
        }
        _ => Ok(()),
    }
}
