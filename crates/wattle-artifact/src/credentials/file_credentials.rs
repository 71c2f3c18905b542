//! The credentials of Docker's and Podman's files, and of the helpers that those name.

use super::auth_file::AuthFile;
use super::helper::Helper;
use super::registry_name::RegistryName;
use super::{Credential, Credentials, CredentialsError, Found, Origin, Places};

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

    /// What one file has: for the namespace of the repository, as Podman has it; with the helper that it names, as Docker
    /// has it; or else in the file itself. Nobody logs in: it has nothing.
    fn in_file(&self, file: &AuthFile, registry: &RegistryName, path: &str) -> Result<Found, CredentialsError> {
        let in_clear = |credential| Found { credential, origin: Some(Origin::File(file.path.clone())) };
        if let Some(credential) = file.within(registry, path)? {
            return Ok(in_clear(credential));
        }
        let failure = match self.with_helper(file, registry) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => None,
            Err(failure) => Some(failure),
        };
        let credential = file.credential(registry)?;
        match failure {
            Some(failure) if credential.is_some() || is_harmless(&failure, file, registry)? => {
                let error = &failure as &dyn std::error::Error;
                tracing::warn!(%registry, error, "a helper for credentials cannot be used");
                let lacking = Found { credential: Credential::Anonymous, origin: missing(failure) };
                Ok(credential.map_or(lacking, in_clear))
            }
            Some(failure) => Err(failure),
            None => Ok(credential.map_or(Credential::Anonymous.into(), in_clear)),
        }
    }

    fn with_helper(&self, file: &AuthFile, registry: &RegistryName) -> Result<Option<Found>, CredentialsError> {
        let Some(name) = file.helper(registry)? else { return Ok(None) };
        let helper = Helper::new(&self.places, &file.path, name)?;
        let origin = Origin::Helper { program: helper.program().into(), path: file.path.clone() };
        Ok(helper.get(registry)?.map(|credential| Found { credential, origin: Some(origin) }))
    }
}

fn missing(failure: CredentialsError) -> Option<Origin> {
    match failure {
        CredentialsError::HelperMissing { path, program } => Some(Origin::Missing { program, path }),
        _ => None,
    }
}

/// A helper for everything that is not installed has nothing for a registry that nobody logged in to: what is public
/// can be had without it.
fn is_harmless(failure: &CredentialsError, file: &AuthFile, registry: &RegistryName) -> Result<bool, CredentialsError> {
    Ok(matches!(failure, CredentialsError::HelperMissing { .. }) && !file.mentions(registry)?)
}

impl Credentials for FileCredentials {
    fn of(&self, registry: &str, path: &str) -> Result<Found, CredentialsError> {
        let registry = RegistryName::parse(registry)?;
        let mut lacking = Found::from(Credential::Anonymous);
        for file in self.places.files() {
            let Some(file) = AuthFile::read(&file)? else { continue };
            let found = self.in_file(&file, &registry, path)?;
            if found.credential != Credential::Anonymous {
                return Ok(found);
            }
            lacking.origin = lacking.origin.or(found.origin);
        }
        Ok(lacking)
    }
}
