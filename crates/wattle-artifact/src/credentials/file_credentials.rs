//! The credentials of Docker's and Podman's files, and of the helpers that those name.

use super::auth_file::AuthFile;
use super::helper::Helper;
use super::registry_name::RegistryName;
use super::{Credential, Credentials, CredentialsError, Places};

/// The credentials of Docker's and Podman's files. The first file that has something for a registry decides.
///
/// Read anew each time: somebody may log in while we run.
#[derive(Debug, Clone)]
pub struct FileCredentials {
    places: Places,
}

impl FileCredentials {
    /// The credentials that are in `places`.
    pub fn new(places: Places) -> Self {
        Self { places }
    }

    /// What one file has: the helper that it names, as Docker has it, or else the file itself.
    fn in_file(&self, file: &AuthFile, registry: &RegistryName) -> Result<Option<Credential>, CredentialsError> {
        let failure = match self.with_helper(file, registry) {
            Ok(Some(credential)) => return Ok(Some(credential)),
            Ok(None) => None,
            Err(failure) => Some(failure),
        };
        let credential = file.credential(registry)?;
        match failure {
            None => Ok(credential),
            Some(failure) if credential.is_some() || is_harmless(&failure, file, registry)? => {
                let error = &failure as &dyn std::error::Error;
                tracing::warn!(%registry, error, "a helper for credentials cannot be used");
                Ok(credential)
            }
            Some(failure) => Err(failure),
        }
    }

    fn with_helper(&self, file: &AuthFile, registry: &RegistryName) -> Result<Option<Credential>, CredentialsError> {
        match file.helper(registry)? {
            Some(name) => Helper::new(&self.places, &file.path, name)?.get(registry),
            None => Ok(None),
        }
    }
}

/// A helper for everything that is not installed has nothing for a registry that nobody logged in to: what is public
/// can be had without it.
fn is_harmless(failure: &CredentialsError, file: &AuthFile, registry: &RegistryName) -> Result<bool, CredentialsError> {
    Ok(matches!(failure, CredentialsError::HelperMissing { .. }) && !file.mentions(registry)?)
}

impl Credentials for FileCredentials {
    fn of(&self, registry: &str) -> Result<Credential, CredentialsError> {
        let registry = RegistryName::parse(registry)?;
        for path in self.places.files() {
            let Some(file) = AuthFile::read(&path)? else { continue };
            if let Some(credential) = self.in_file(&file, &registry)? {
                return Ok(credential);
            }
        }
        Ok(Credential::Anonymous)
    }
}
