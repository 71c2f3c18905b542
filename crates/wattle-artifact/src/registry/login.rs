//! Finding out whether a registry takes what somebody logs in with.

use reqwest::Method;
use wattle_spec::reference::{RegistryName, Repository};

use super::Registries;
use super::error::{Action, RegistryError};
use super::exchange::Question;
use super::host::Host;
use super::token::Access;

/// What a registry says of itself is a few bytes.
const GREETING_MAX_LEN: usize = 64 << 10;

impl Registries {
    /// Asks `registry` whether it lets in who has the credentials that the settings have for it.
    ///
    /// One that lets everybody in says nothing of them.
    ///
    /// # Errors
    ///
    /// If it does not, or if it cannot be asked.
    pub async fn log_in(&self, registry: &RegistryName) -> Result<(), RegistryError> {
        let host = Host::registry(registry.as_str());
        // The specification's first end point, which is of no repository.
        let repository = Repository { registry: registry.to_string(), path: ".".into() };
        let access = Access::new(&host, &repository, Action::LogIn);
        let question = Question::new(&host, &access, Method::GET, String::new());
        self.ask(&question, "a greeting", GREETING_MAX_LEN).await.map(drop)
    }
}
