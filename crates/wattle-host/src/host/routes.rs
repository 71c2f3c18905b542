//! The routes of apps: where they lead, and the one table of all of them that requests are looked up in.

use std::collections::BTreeMap;
use std::sync::Arc;

use wattle_spec::app::App;
use wattle_spec::name::AppId;
use wattle_spec::route::{HttpRoute, PathPattern, RouteTable, RouteTarget};

use super::Host;
use super::load::Siblings;
use super::running::{Running, Ways};
use crate::error::StartError;
use crate::outgoing::Places;
use crate::trigger::http::{Admission, Answerer, Folder, Inside, Target};

impl Host {
    /// Whether no other app has a route of `app`.
    pub(super) fn are_free(&self, app: &App) -> Result<(), StartError> {
        let apps = self.apps();
        let others = apps.iter().filter(|(id, _)| **id != app.id);
        let taken = others.flat_map(|(id, running)| running.ways.routes.iter().map(move |(route, _)| (id, route)));
        let taken: BTreeMap<_, _> = taken.map(|(id, route)| ((&route.host, &route.path), id)).collect();
        match app.routes.iter().find_map(|route| Some((route, taken.get(&(&route.host, &route.path))?))) {
            Some((route, holder)) => Err(taken_by(route, holder)),
            None => Ok(()),
        }
    }

    /// The table of the routes of `apps`, with those of one more app in the place of what it has there.
    pub(super) fn table(
        &self,
        apps: &BTreeMap<AppId, Running>,
        added: Option<(&AppId, &[(HttpRoute, Target)])>,
    ) -> Result<RouteTable<Target>, StartError> {
        let stay = apps.iter().filter(|(id, _)| added.is_none_or(|(added, _)| added != *id));
        let stay = stay.flat_map(|(_, running)| &running.ways.routes);
        let mut table = RouteTable::new();
        for (route, target) in stay.chain(added.into_iter().flat_map(|(_, routes)| routes)) {
            if let Err(holder) = table.insert(route.host.as_deref(), &route.path, target.clone()) {
                return Err(taken_by(route, holder.answerer.app()));
            }
        }
        Ok(table)
    }

    /// What leads requests to `app`, which has these components: from outside, and from its own at `outgoing`.
    pub(super) fn ways(
        &self,
        app: &App,
        siblings: &Siblings,
        outgoing: &Arc<Places>,
    ) -> Result<(Ways, Arc<Inside>), StartError> {
        let (requests, comers) = Admission::watched(&app.id, app.limits.concurrent_requests);
        let requests = Arc::new(requests);
        let inside = Arc::new(requests.inside());
        let routes = self.routes(app, siblings, &requests)?;
        let within = |target: &Target| Target { requests: inside.clone(), ..target.clone() };
        let paths: Vec<_> = routes.iter().map(|(route, target)| (&route.path, within(target))).collect();
        let reached = Inside::new(self.server.clone(), paths.iter().map(|(path, target)| (*path, target)));
        let _inside = outgoing.open(reached.clone());
        Ok((Ways { requests: requests.inside(), comers, _inside, routes }, reached))
    }

    fn routes(
        &self,
        app: &App,
        siblings: &Siblings,
        requests: &Arc<Admission>,
    ) -> Result<Vec<(HttpRoute, Target)>, StartError> {
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
            routes.push((route.clone(), target));
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

fn taken_by(route: &HttpRoute, holder: &AppId) -> StartError {
    let host = route.host.as_deref().unwrap_or("");
    StartError::RouteTaken { route: format!("{host}{}", route.path), holder: holder.clone() }
}
