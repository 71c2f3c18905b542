//! A host that begins: what was written down is deployed again. What answers requests alone sleeps until the first one.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use wattle_spec::control::AppState;
use wattle_spec::name::AppId;

use super::course::Course;
use super::desired::{Doors, Record};
use super::turn::Deployed;
use super::{Daemon, READS};
use crate::problem::Problem;

/// Why an app is not ready that is to be started with its host.
const STARTING: &str = "starting";

impl Daemon {
    /// Knows from now on what was written down, and has the routes of what is to run, whose first requests start it. What of
    /// it is to be started now.
    ///
    /// # Errors
    ///
    /// If nobody can say what is written down.
    pub(crate) fn remember(&self) -> Result<Vec<AppId>, Problem> {
        self.desired.tidy()?;
        let (records, damaged) = self.desired.all()?;
        damaged.into_iter().for_each(|(path, error)| self.is_damaged(path, &error));
        let mut wanted = Vec::new();
        for record in records {
            let app = record.app.clone();
            let state = self.deployed_again(&record);
            self.apps().insert(app.clone(), Arc::new(Deployed::new(state, Some(record))));
            if state == AppState::Starting {
                wanted.push(app);
            }
        }
        Ok(wanted)
    }

    /// How an app is of which this was written down.
    fn deployed_again(&self, record: &Record) -> AppState {
        if record.stopped {
            return AppState::Stopped;
        }
        let Some(Doors { routes, stays_awake }) = record.get(record.current).map(|kept| kept.doors.clone()) else {
            return AppState::Starting;
        };
        match self.host.reserve(&record.app, routes, stays_awake.then_some(STARTING)) {
            Ok(()) if !stays_awake => AppState::Running,
            Ok(()) => AppState::Starting,
            Err(error) => {
                // Starting it says why not.
                tracing::warn!(app = %record.app, error = &error as &dyn std::error::Error, "its routes are not reserved");
                AppState::Starting
            }
        }
    }

    /// Starts again what does something without a request, and ran when the host ended, however it ended. An app that cannot
    /// be started is as failed as `wattle ps` shows it, and the others run.
    pub(crate) async fn restore(self: &Arc<Self>, wanted: Vec<AppId>) {
        let again = async |app: AppId| {
            // Somebody may have changed it meanwhile.
            let Ok((turn, record)) = self.turn_of(&app).await else { return };
            let is_due = turn.deployed.now().state == AppState::Starting;
            if is_due && !record.stopped {
                // Why it does not run is told as its state.
                let _ = self.start_again(&turn, &record, &self.starts, &Course::default()).await;
            }
        };
        stream::iter(wanted).for_each_concurrent(READS, again).await;
        self.prune().await;
    }
}
