//! What an answer that is no success means.

use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};

use super::error::RegistryError;
use super::host::authority;
use super::retry::retry_after;
use super::token::Access;
use super::transport::Transport;
use super::wire::Failure;

/// How much of a failure is read.
const FAILURE_MAX_LEN: usize = 64 << 10;
/// A code that some registries send with other statuses than 429.
const TOO_MANY: &str = "TOOMANYREQUESTS";

/// An answer that is no success.
pub(super) struct Answered {
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) failure: Failure,
    pub(super) after: Option<Duration>,
}

impl Answered {
    /// Reads what the server says. What cannot be read of it is not missed.
    pub(super) async fn read(transport: &Transport, response: Response) -> Result<Self, RegistryError> {
        let (host, status) = (authority(response.url()), response.status());
        let after = retry_after(response.headers(), SystemTime::now());
        let body = transport.body(response, "a failure", FAILURE_MAX_LEN).await.unwrap_or_default();
        Ok(Self { host, status, failure: Failure::read(&body), after })
    }
}

/// What the registry means that was asked for `what`.
pub(super) fn by_registry(answered: Answered, access: &Access, what: &str) -> RegistryError {
    let (repository, action) = (access.repository.clone(), access.action);
    match answered.status.as_u16() {
        _ if answered.failure.is(TOO_MANY) => elsewhere(answered),
        401 => RegistryError::Unauthorized { repository, action, origin: None },
        403 => denied(answered, access),
        404 => RegistryError::NotFound { repository, what: what.into() },
        405 => RegistryError::Unsupported { repository, action },
        400 if answered.failure.is("UNSUPPORTED") => RegistryError::Unsupported { repository, action },
        _ => elsewhere(answered),
    }
}

/// What another host means, which knows nothing of repositories.
pub(super) fn elsewhere(answered: Answered) -> RegistryError {
    let Answered { host, status, failure, after } = answered;
    match status == StatusCode::TOO_MANY_REQUESTS || failure.is(TOO_MANY) {
        true => RegistryError::RateLimited { host, after },
        false => RegistryError::Server { host, status: status.as_u16(), message: failure, after },
    }
}

pub(super) fn denied(answered: Answered, access: &Access) -> RegistryError {
    let (repository, action) = (access.repository.clone(), access.action);
    RegistryError::Denied { repository, action, message: answered.failure }
}
