//! What links had before they were led elsewhere: kept until what has begun with it has had its time, then ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use wattle_spec::report::Report;

use crate::backing::{Lease, Retired};
use crate::component::{Identity, Links};
use crate::trigger::ground::Ground;

/// What of an app is about to end. It ends with the app when this is dropped.
#[derive(Default)]
pub(super) struct Retiring(JoinSet<()>);

impl Retiring {
    /// What the links of `identity` had `before` and have no more ends after `time`. What then still uses it fails, and is
    /// reported.
    pub(super) fn end_after(&mut self, time: Duration, identity: &Arc<Identity>, before: &Links, ground: &Arc<Ground>) {
        while self.0.try_join_next().is_some() {}
        let now = identity.links.load_full();
        let is_gone = |lease: &&Arc<Lease>| !now.leases.iter().any(|kept| Arc::ptr_eq(kept, lease));
        let retired: Vec<Retired> = before.leases.iter().filter(is_gone).map(Lease::retire).collect();
        if retired.is_empty() {
            return;
        }
        let (identity, ground) = (identity.clone(), ground.clone());
        self.0.spawn(async move {
            sleep(time).await;
            for retired in retired {
                let (app, component) = (identity.app.clone(), identity.name.clone());
                let (import, backend) = (retired.term.key(), retired.term.backend.clone());
                let ground = ground.clone();
                retired.end(move || ground.report(Report::HandleEnded { app, component, import, backend }));
            }
        });
    }
}
