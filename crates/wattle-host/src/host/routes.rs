//! The routes of apps: where they lead, and the one table of all of them that requests are looked up in.

use std::collections::BTreeMap;
use std::sync::Arc;

use wattle_spec::app::App;
use wattle_spec::name::AppId;
use wattle_spec::route::{HttpRoute, PathPattern, RouteKey, RouteTable, RouteTarget};

use super::Host;
use super::load::Siblings;
use super::running::{Running, Ways};
use crate::error::StartError;
use crate::outgoing::Places;
use crate::trigger::http::{Admission, Answerer, Door, Folder, Inside, Target};

impl Host {
    /// Whether no other app has a route of `app`.
    pub(super) fn are_free(&self, app: &App) -> Result<(), StartError> {
        let table = self.server.routes.load();
        let holder = |route: &HttpRoute| Some(table.holder(route.host.as_deref(), &route.path)?.app());
        let taken =
            app.routes.iter().find_map(|route| Some((route, holder(route).filter(|holder| **holder != app.id)?)));
        taken.map_or(Ok(()), |(route, holder)| Err(taken_by(&route.key(), holder)))
    }

    /// The table of all routes but those of `app`, which is one of `apps`, or sleeps, or is not there.
    pub(super) fn table_without(&self, apps: &BTreeMap<AppId, Running>, app: &AppId) -> RouteTable<Door> {
        let mut table = RouteTable::clone(&self.server.routes.load());
        let runs = apps.get(app).into_iter().flat_map(|running| running.routes());
        let asleep = self.asleep();
        let sleeps = asleep.get(app).into_iter().flat_map(|asleep| asleep.routes.iter().cloned());
        for RouteKey { host, path } in runs.chain(sleeps) {
            table.remove(host.as_deref(), &path);
        }
        table
    }

    /// What leads requests to `app`, which has these components: from outside, and from its own at `outgoing`.
    pub(super) fn ways(
        &self,
        app: &App,
        siblings: &Siblings,
        outgoing: &Arc<Places>,
    ) -> Result<(Ways, Arc<Inside>), StartError> {
        let (requests, comers) = Admission::of_app(&app.id, app.limits.concurrent_requests, &self.server.requests);
        let requests = Arc::new(requests);
        let inside = Arc::new(requests.inside());
        let routes = self.routes(app, siblings, &requests)?;
        let within = |target: &Target| Target { requests: inside.clone(), ..target.clone() };
        let paths = routes.iter().map(|(route, target)| (&route.path, within(target)));
        let reached = Inside::new(self.server.clone(), paths);
        let _inside = outgoing.open(reached.clone());
        Ok((Ways { requests: requests.inside(), comers, _inside, routes }, reached))
    }

    fn routes(
        &self,
        app: &App,
        siblings: &Siblings,
        requests: &Arc<Admission>,
    ) -> Result<Vec<(HttpRoute, Arc<Target>)>, StartError> {
        let mut routes = Vec::new();
        let mut folders = None;
        for route in &app.routes {
            let Some(answerer) = self.answerer(app, route, siblings)? else { continue };
            let series = match &answerer {
                Answerer::Component(component) => component.identity.series.clone(),
                Answerer::Folder(_) => self
                    .loader
                    .telemetry()
                    .map(|telemetry| folders.get_or_insert_with(|| telemetry.metrics.series(&app.id, None)).clone()),
            };
            let pattern = route.path.to_string().into();
            let (requests, queue_time) = (requests.clone(), app.limits.queue_time);
            let target = Target { answerer, requests, queue_time, pattern, series };
            routes.push((route.clone(), Arc::new(target)));
        }
        Ok(routes)
    }

    /// Who answers for a route. `None`: a component that is not there.
    fn answerer(&self, app: &App, route: &HttpRoute, siblings: &Siblings) -> Result<Option<Answerer>, StartError> {
        let directory = match &route.target {
            RouteTarget::Component(name) => {
                return Ok(siblings.get(name).map(|sibling| Answerer::Component(sibling.component().clone())));
            }
            RouteTarget::Files(directory) => directory,
        };
        let (PathPattern::Prefix(prefix) | PathPattern::Exact(prefix)) = &route.path;
        let folder = Folder::open(app.id.clone(), directory, prefix, self.server.limits.body_timeout);
        let folder = folder.map_err(|source| StartError::Folder { folder: directory.clone(), source })?;
        Ok(Some(Answerer::Folder(Arc::new(folder))))
    }
}

/// Leads `routes` in `table` to what `door` says, each.
///
/// # Errors
///
/// If another app has one of them.
pub(super) fn lead(
    table: &mut RouteTable<Door>,
    routes: impl IntoIterator<Item = (RouteKey, Door)>,
) -> Result<(), StartError> {
    for (route, door) in routes {
        let led = table.insert(route.host.as_deref(), &route.path, door);
        led.map_err(|holder| taken_by(&route, holder.app()))?;
    }
    Ok(())
}

fn taken_by(route: &RouteKey, holder: &AppId) -> StartError {
    StartError::RouteTaken { route: route.to_string(), holder: holder.clone() }
}
