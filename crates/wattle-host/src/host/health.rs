//! Whether an app is well that is to take requests: its own routes are asked, without a socket, until the answer is good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};
use wattle_spec::health::HealthCheck;
use wattle_spec::name::AppId;

use super::Host;
use crate::error::StartError;
use crate::trigger::http::Inside;

/// How long it rests after the first bad answer; twice as long after each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest rest.
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Host {
    /// Waits until `app` is well, which is reached by `inside`.
    pub(super) async fn is_well(
        &self,
        app: &AppId,
        health: &HealthCheck,
        inside: &Arc<Inside>,
    ) -> Result<(), StartError> {
        let end = Instant::now() + health.timeout;
        let mut pause = PAUSE_FIRST;
        loop {
            let reason = match self.asked_once(health, inside, end).await {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            if Instant::now() + pause >= end {
                return Err(StartError::Unhealthy { app: app.clone(), path: health.path.clone(), reason });
            }
            tracing::debug!(%app, path = %health.path, reason, "it is not well yet");
            sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Asks once, until `end`. Why not, if it is not well.
    async fn asked_once(&self, health: &HealthCheck, inside: &Arc<Inside>, end: Instant) -> Result<(), String> {
        let (inside, path) = (inside.clone(), health.path.clone());
        let asked = self.cores.run(|core| async move { inside.ask(&path, core, end).await });
        match timeout_at(end.into(), asked).await {
            Ok(Some(status)) if status.is_success() => Ok(()),
            Ok(Some(status)) => Err(format!("the answer was {status}")),
            Ok(None) => Err("the host was stopping".to_owned()),
            Err(_) => Err("there was no answer in time".to_owned()),
        }
    }
}
