//! An app begins to serve: alone, or in the place of an earlier version of itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::watch;
use wattle_spec::app::App;
use wattle_spec::name::AppId;
use wattle_spec::route::RouteTable;

use super::asleep::Weight;
use super::background::Overview;
use super::load::Source;
use super::prepare::{Earlier, Prepared, forget};
use super::retiring::Retiring;
use super::routes::lead;
use super::running::Running;
use super::{Host, update};
use crate::error::StartError;
use crate::readiness::Standing;
use crate::trigger::http::Door;

/// What the host itself is called among the parts of an app.
const PART: &str = "start";

impl Host {
    /// Starts `app` with the bytes of `source`: every component is compiled, joined to its providers and instantiated
    /// once before the first request can reach it, and the app is well, if its manifest says how that is seen. Its services
    /// and schedules run on the runtime of whoever calls this.
    ///
    /// # Errors
    ///
    /// If anything of that fails; then nothing of the app runs.
    pub async fn start(&self, app: &App, source: &dyn Source) -> Result<(), StartError> {
        let _turn = self.turns.of(&app.id).await;
        if self.apps().contains_key(&app.id) {
            return Err(StartError::Running(app.id.clone()));
        }
        self.begin(app, source, None).await
    }

    /// Lets `app` serve, in the place of `earlier` if there is one.
    pub(super) async fn begin(
        &self,
        app: &App,
        source: &dyn Source,
        earlier: Option<&Earlier>,
    ) -> Result<(), StartError> {
        // What is in the place of another, or sleeps, is as ready as that until it has taken over.
        let is_answered_for = earlier.is_some() || self.is_asleep(&app.id);
        let starting = (!is_answered_for).then(|| self.readiness.wait_for(&app.id, PART, "starting"));
        let _beginning = self.beginnings.of(&app.id);
        let prepared = self.make_ready(app, source, earlier).await?;
        let siblings = prepared.siblings.clone();
        if let Err((prepared, error)) = self.take_over(prepared, starting, earlier) {
            self.abandon(*prepared, earlier).await;
            return Err(error);
        }
        let unreached = forget(app, &siblings).await;
        if let Some(running) = self.apps().get_mut(&app.id).filter(|_| !unreached.is_empty()) {
            running.background.forget_later(running.app.clone(), unreached);
        }
        self.make_room();
        Ok(())
    }

    /// The step from which on requests find what was `prepared`, and `earlier` no more. It is all done or nothing of it;
    /// nothing in it waits.
    fn take_over<'h>(
        &self,
        mut prepared: Prepared<'h>,
        starting: Option<Standing>,
        earlier: Option<&Earlier>,
    ) -> Result<(), (Box<Prepared<'h>>, StartError)> {
        let id = prepared.app.id.clone();
        let mut apps = self.apps();
        let table = match self.table_with(&apps, &prepared, earlier) {
            Ok(table) => table,
            Err(error) => return Err((Box::new(prepared), error)),
        };
        self.start_services(&mut prepared, earlier);
        let before = apps.remove(&id);
        let slept = self.asleep().remove(&id);
        let running = self.running_now(prepared, starting, before.as_ref());
        self.server.routes.store(Arc::new(table));
        if let Some(before) = before {
            update::make_way(self, before, &running);
        }
        apps.insert(id, running);
        drop(slept);
        Ok(())
    }

    /// The table of routes with those of what was `prepared`, if that can still take the place of `earlier`; and what
    /// defaults chose for it is recorded.
    fn table_with(
        &self,
        apps: &BTreeMap<AppId, Running>,
        prepared: &Prepared<'_>,
        earlier: Option<&Earlier>,
    ) -> Result<RouteTable<Door>, StartError> {
        let Prepared { app, ways, .. } = prepared;
        let now = apps.get(&app.id);
        if self.server.is_ending() {
            return Err(StartError::Ending);
        }
        match (now, earlier) {
            (None, None) => {}
            (Some(now), Some(earlier)) if Arc::ptr_eq(&now.first, &earlier.first) => {}
            (Some(_), None) => return Err(StartError::Running(app.id.clone())),
            (_, Some(_)) => return Err(StartError::Stopped(app.id.clone())),
        }
        let mut table = self.table_without(apps, &app.id);
        lead(&mut table, ways.routes.iter().map(|(route, target)| (route.key(), Door::Open(target.clone()))))?;
        self.record(app)?;
        Ok(table)
    }

    /// What was `prepared`, as it runs: its triggers from now on, those of an earlier version are told to stop next.
    fn running_now(&self, prepared: Prepared<'_>, starting: Option<Standing>, before: Option<&Running>) -> Running {
        let Prepared {
            app, siblings, components, ways, mut background, services, inboxes, backends, quotas, room, ..
        } = prepared;
        quotas.keep();
        let crons = before.and_then(|before| before.overview.crons.clone());
        let crons = self.starter(&app, &siblings).triggers(&mut background, inboxes, crons);
        let ready = starting.unwrap_or_else(|| self.readiness.have(&app.id, PART));
        ready.ready();
        let backends = backends.into_iter().map(|(name, (opened, reason))| {
            let standing = self.readiness.depend_on(&app.id, &name, opened, reason);
            (name, standing)
        });
        Running {
            ways,
            weight: Weight::of(components.iter().map(|sibling| &sibling.component().program)),
            components,
            background,
            overview: Overview { services: services.unwrap_or_default(), crons },
            since: Instant::now(),
            ready: Some(ready),
            backends: backends.collect(),
            retiring: Retiring::default(),
            moving: Weak::new(),
            _room: room,
            ends: watch::Sender::new(false),
            gone: watch::Sender::new(()),
            first: app.clone(),
            app,
        }
    }
}
