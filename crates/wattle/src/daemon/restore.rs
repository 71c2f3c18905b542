//! A host that begins: what was written down runs again.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use wattle_spec::control::AppState;
use wattle_spec::name::AppId;

use super::desired::Record;
use super::turn::Deployed;
use super::{Daemon, READS};
use crate::problem::Problem;

impl Daemon {
    /// Knows from now on what was written down. What of it is to run.
    ///
    /// # Errors
    ///
    /// If nobody can say what is written down.
    pub(crate) fn remember(&self) -> Result<Vec<AppId>, Problem> {
        let (records, damaged) = self.desired.all()?;
        for error in damaged {
            let (hint, error) = (error.hint(), &error as &dyn std::error::Error);
            tracing::error!(error, hint, "an app is left out");
        }
        let mut wanted = Vec::new();
        for record in records {
            let Record { app, stopped, .. } = record.clone();
            let state = if stopped { AppState::Stopped } else { AppState::Starting };
            self.apps().insert(app.clone(), Arc::new(Deployed::new(state, Some(record))));
            if !stopped {
                wanted.push(app);
            }
        }
        Ok(wanted)
    }

    /// Has run again what ran when the host ended, however it ended. An app that cannot be started is as failed as
    /// `wattle ps` shows it, and the others run.
    pub(crate) async fn restore(self: &Arc<Self>, wanted: Vec<AppId>) {
        let again = async |app: AppId| {
            // Somebody may have changed it meanwhile.
            let Ok((turn, record)) = self.turn_of(&app).await else { return };
            let is_due = turn.deployed.now().state == AppState::Starting;
            if is_due && !record.stopped {
                // Why it does not run is told as its state.
                let _ = self.start_again(&turn.deployed, &record).await;
            }
        };
        stream::iter(wanted).for_each_concurrent(READS, again).await;
        self.prune().await;
    }
}
