//! An app that runs is replaced by another version of itself, without a request that fails.

use wattle_spec::app::App;
use wattle_spec::host_file::backend_of;
use wattle_spec::name::{AppId, BackendName};

use super::Host;
use super::load::Source;
use super::prepare::Earlier;
use super::running::Running;
use crate::error::StartError;

impl Host {
    /// Starts `app` with the bytes of `source` in the place of the version of it that runs, or as [`Host::start`] does if
    /// none does. It serves when this returns; the earlier version ends by itself from then on, within the limit `drain`,
    /// which [`Host::stop`] and [`Host::drain`] wait for.
    ///
    /// Everything that can fail is done first, while the earlier version serves and is as ready as before: backends are
    /// opened, components compiled, joined and instantiated once, the health path is asked, subjects are listened to. Then
    /// all requests that come find the new version at once. What overlaps:
    ///
    /// - *Requests* that are under way end on the earlier version, and so does what they call. Until they have, each version
    ///   has the app's limits by itself.
    /// - *Messages* are taken by both for a moment. One of a group is handled once; one that goes to everyone may be handled
    ///   by both. What the earlier version publishes to a backend that a trigger hears of no more, it handles itself.
    /// - *Schedules* of both versions are the same ones: the new version goes on where the earlier one ends, with what waits
    ///   for its turn there. No tick runs twice or is lost. Runs that are under way end on the earlier version.
    /// - *Services* start when the earlier version is told to end, or, if there is a health path, before it is asked: for a
    ///   while there are two instances, each called by its own version. One that may listen (`allow.listen`) starts when
    ///   an earlier version with such a service is gone; who calls it meanwhile waits.
    ///
    /// Counters of a component that both versions have go on. Links that were set while the earlier version ran end with
    /// it: the manifest says what is linked.
    ///
    /// # Errors
    ///
    /// If anything of that fails, or the app is stopped meanwhile: then nothing has changed.
    pub async fn update(&self, app: &App, source: &dyn Source) -> Result<(), StartError> {
        let _turn = self.turns.of(&app.id).await;
        let earlier = self.earlier(&app.id);
        self.begin(app, source, earlier.as_ref()).await
    }

    /// The version of `app` that runs.
    fn earlier(&self, app: &AppId) -> Option<Earlier> {
        let apps = self.apps();
        let Running { app, first, ends, gone, .. } = apps.get(app)?;
        Some(Earlier { app: app.clone(), first: first.clone(), ends: ends.subscribe(), gone: gone.subscribe() })
    }
}

/// Lets `before` end, in whose place is `next` now.
pub(super) fn make_way(host: &Host, mut before: Running, next: &Running) {
    tell_of_links(&before);
    let named = host.loader.backends().named();
    let is_other =
        |backend: &BackendName| backend_of(&before.app, named, backend) != backend_of(&next.app, named, backend);
    before.background.make_way(&next.background, is_other);
    // Nobody asks any more how it is.
    before.step_back();
    before.end();
    let id = before.app.id.clone();
    host.endings.begin(&id, before, host.server.limits.drain);
    tracing::info!(app = %id, "a new version serves");
}

/// Tells which links end with `before` that were set while it ran.
fn tell_of_links(before: &Running) {
    let Running { app, first, .. } = before;
    for (component, spec) in &app.components {
        let written = first.components.get(component).map(|spec| spec.links.as_slice()).unwrap_or_default();
        for link in spec.links.iter().filter(|link| !written.contains(link)) {
            tracing::warn!(
                app = %app.id, %component, interface = %link.what, provider = %link.provider,
                "a link that was set ends with the version of the app that it was set for"
            );
        }
    }
}
