//! The streams of JetStream that state is kept in: made when they are first needed.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, Info};

use super::api::ApiError;
use super::session::Session;
use crate::error::BackendError;

impl Session {
    /// The stream that `config` describes, which is made if it is not there. One that is there stays as it is.
    pub(super) async fn stream(&self, config: &Config) -> Result<Config, BackendError> {
        let found = match self.stream_config(&config.name).await {
            Err(error) if error.has_code(ErrorCode::STREAM_NOT_FOUND) => self.made(config).await,
            found => found,
        };
        match found {
            // Somebody else made it at the same moment.
            Err(error) if error.has_code(ErrorCode::STREAM_NAME_EXIST) => self.stream_config(&config.name).await,
            found => found,
        }
        .map_err(|error| self.translated(&config.name, error))
    }

    async fn stream_config(&self, name: &str) -> Result<Config, ApiError> {
        let info: Info = self.api(&format!("STREAM.INFO.{name}"), &serde_json::json!({})).await?;
        Ok(info.config)
    }

    async fn made(&self, config: &Config) -> Result<Config, ApiError> {
        let info: Info = self.api(&format!("STREAM.CREATE.{}", config.name), config).await?;
        tracing::info!(backend = self.signals.name, stream = config.name, "a stream was made");
        Ok(info.config)
    }
}
