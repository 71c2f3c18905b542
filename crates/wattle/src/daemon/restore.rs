//! A host that begins: what was written down runs again.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use wattle_spec::control::AppState;

use super::desired::Record;
use super::{Daemon, Deployed, STARTS, beside};
use crate::problem::Problem;

impl Daemon {
    /// Has run again what ran when the host ended, however it ended. An app that cannot be started is as failed as
    /// `wattle ps` shows it, and the others run.
    ///
    /// # Errors
    ///
    /// If nobody can say what is written down.
    pub(crate) async fn restore(self: &Arc<Self>) -> Result<(), Problem> {
        let desired = self.desired.clone();
        let (records, damaged) = beside(move || Ok(desired.all()?)).await?;
        for error in damaged {
            let (hint, error) = (error.hint(), &error as &dyn std::error::Error);
            tracing::error!(error, hint, "an app is left out");
        }
        let wanted: Vec<_> = records.into_iter().filter_map(|record| self.remember(record)).collect();
        let again = async |deployed: Arc<Deployed>| {
            let Some(app) = deployed.now().record.as_ref().map(|record| record.app.clone()) else { return };
            let _turn = deployed.turn.lock().await;
            // Why not is told as its state.
            let _ = self.start_in_turn(&deployed, &app).await;
        };
        stream::iter(wanted).for_each_concurrent(STARTS, again).await;
        self.prune().await;
        Ok(())
    }

    /// Knows an app from now on. Gives it back if it is to run.
    fn remember(&self, record: Record) -> Option<Arc<Deployed>> {
        let (app, stopped) = (record.app.clone(), record.stopped);
        let state = if stopped { AppState::Stopped } else { AppState::Starting };
        let deployed = Arc::new(Deployed::new(state, Some(record)));
        self.apps().insert(app, deployed.clone());
        (!stopped).then_some(deployed)
    }
}
