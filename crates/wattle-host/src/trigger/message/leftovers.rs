//! Groups that earlier versions of an app had: nothing takes what is kept for them, and what they keep is bounded, so that in
//! the end nobody could publish about their subjects.

use std::time::Duration;

use tokio::time::sleep;
use wattle_backend::bus::GroupId;
use wattle_backend::error::BackendError;
use wattle_spec::app::App;
use wattle_spec::backoff::Backoff;

use crate::capability::messaging::BusLink;

/// A backend that cannot be reached is tried again after so long.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// Ends the groups of `app` behind `link` that no trigger of it has any more. Whether its backend could be reached; why else
/// it cannot be done is told.
pub(crate) async fn forget(app: &App, link: &BusLink) -> bool {
    let error = match try_to(app, link).await {
        Ok(()) => return true,
        Err(BackendError::Unavailable { .. } | BackendError::TimedOut { .. }) => return false,
        Err(error) => error,
    };
    let error = &error as &dyn std::error::Error;
    tracing::warn!(app = %app.id, error, "groups of an earlier version of the app cannot be ended");
    true
}

/// The same behind all `links`, when they can be reached again.
pub(crate) async fn forget_later(app: &App, links: Vec<BusLink>) {
    for link in links {
        let mut tries = 0;
        while !forget(app, &link).await {
            sleep(BACKOFF.delay(tries, 0.0)).await;
            tries += 1;
        }
    }
}

async fn try_to(app: &App, link: &BusLink) -> Result<(), BackendError> {
    let own = format!("{}/", app.id);
    for group in link.bus.groups(&link.owner).await? {
        // Where others keep theirs, too, nobody knows whose a name is that somebody chose.
        let is_ours = link.owner.app().is_some() || group.name.starts_with(&own);
        if is_ours && !is_used(app, &group) {
            link.bus.forget(&link.owner, &group).await?;
            tracing::warn!(
                app = %app.id, group = group.name, subject = %group.pattern,
                "no trigger hears of this any more: what was kept for it is dropped"
            );
        }
    }
    Ok(())
}

fn is_used(app: &App, group: &GroupId) -> bool {
    let is_it = |name: Option<String>| name.as_ref() == Some(&group.name);
    app.messages.iter().any(|trigger| trigger.subject == group.pattern && is_it(trigger.group(&app.id)))
}
