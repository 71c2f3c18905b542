//! Groups that earlier versions of an app had: nothing takes what is kept for them, and what they keep is bounded, so that in
//! the end nobody could publish about their subjects.

use wattle_backend::bus::GroupId;
use wattle_backend::error::BackendError;
use wattle_spec::app::App;

use crate::capability::messaging::BusLink;

/// Ends the groups of `app` behind `link` that no trigger of it has any more.
pub(crate) async fn forget(app: &App, link: &BusLink) {
    if let Err(error) = try_to(app, link).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(app = %app.id, error, "groups of an earlier version of the app cannot be ended");
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
