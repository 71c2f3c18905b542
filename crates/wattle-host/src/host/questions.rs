//! What a host answers while it runs, also while it ends: how its apps are, what they are linked to, what they have done;
//! and what it does because somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use wattle_spec::control::{
    Action, AppLinks, AppSchedules, AppStatus, ComponentLinks, ComponentStatus, Done, ExplainedApp, HostStatus,
    LinkStatus, Progress, Refusal, ServiceState, Waiting,
};
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::resolve::{Behind, Move, Relink};

use super::Host;
use super::running::Running;
use crate::component::Component;
use crate::telemetry::Usage;
use crate::trigger::cron::Crons;

impl Host {
    /// How the host and its apps are. Backends that apps depend on are asked first.
    pub async fn status(&self) -> HostStatus {
        self.readiness.ask().await;
        // What starts is known by the parts that it waits for, and so is what runs.
        let waiting = self.readiness.waiting();
        let apps = self.apps();
        let asleep = self.asleep();
        let of_app = |(app, waiting): (AppId, Vec<Waiting>)| AppStatus {
            progress: self.beginnings.progress(&app),
            ready: waiting.is_empty(),
            waiting,
            ..match (apps.get(&app), asleep.get(&app)) {
                (Some(running), _) => running.status(&app),
                (None, Some(asleep)) => asleep.status(&app),
                (None, None) => AppStatus::unknown(&app),
            }
        };
        let apps = waiting.into_iter().map(of_app).collect();
        HostStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_ms: self.since.elapsed().as_millis() as u64,
            listens: self.listeners().iter().map(ToString::to_string).collect(),
            takes_apps: false,
            tells_progress: false,
            apps,
            under_way: Vec::new(),
        }
    }

    /// How far the start or the update of `app` is. `None`: none is under way.
    pub fn progress(&self, app: &AppId) -> Option<Progress> {
        self.beginnings.progress(app)
    }

    /// Waits until the host begins to end.
    pub async fn ends(&self) {
        self.server.ends().await;
    }

    /// What the imports of the apps that run are joined to: of `app` alone and of its `component` alone, if somebody asks so.
    ///
    /// # Errors
    ///
    /// If there is no such app or component.
    pub fn links(&self, app: Option<&AppId>, component: Option<&ComponentName>) -> Result<Vec<AppLinks>, Refusal> {
        let apps = self.apps();
        self.asked(&apps, app)?.into_iter().map(|(id, running)| running.links(id, component)).collect()
    }

    /// The whole story of what the imports of the apps that run are joined to: with what is in force there, and what the other
    /// rules would have given. Of `app` alone and of its `component` alone, if somebody asks so.
    ///
    /// # Errors
    ///
    /// If there is no such app or component.
    pub fn explain(
        &self,
        app: Option<&AppId>,
        component: Option<&ComponentName>,
    ) -> Result<Vec<ExplainedApp>, Refusal> {
        let (apps, named) = (self.apps(), self.loader.backends().named());
        let explained = |(id, running): (&AppId, &Running)| {
            running.chosen(id, component)?;
            let behind = Behind::of_app(&running.app, named);
            Ok(ExplainedApp::of(&running.app, &running.first, component, &behind))
        };
        self.asked(&apps, app)?.into_iter().map(explained).collect()
    }

    /// The schedules of the apps that run, or of `app` alone.
    ///
    /// # Errors
    ///
    /// If there is no such app.
    pub fn schedules(&self, app: Option<&AppId>) -> Result<Vec<AppSchedules>, Refusal> {
        let apps = self.apps();
        let of_app = |(id, running): (&AppId, &Running)| AppSchedules {
            app: id.clone(),
            schedules: running.overview.crons.as_ref().map(|crons| crons.status()).unwrap_or_default(),
        };
        Ok(self.asked(&apps, app)?.into_iter().map(of_app).collect())
    }

    /// Whether an app runs and has such a component, if one is named; or starts, and nobody knows yet what it has.
    ///
    /// # Errors
    ///
    /// If not, with what there is.
    pub fn find(&self, app: &AppId, component: Option<&ComponentName>) -> Result<(), Refusal> {
        let apps = self.apps();
        match apps.get(app) {
            Some(running) => running.chosen(app, component).map(drop),
            None if self.readiness.knows(app) => Ok(()),
            None => Err(Refusal::no_app(app, apps.keys().cloned())),
        }
    }

    /// Does what somebody asks for, and waits until it is done. What has begun goes on if this is dropped.
    ///
    /// # Errors
    ///
    /// If it cannot be done. What a guest makes of it is an outcome.
    pub async fn act(&self, action: Action) -> Result<Done, Refusal> {
        match action {
            Action::RunSchedule { app, schedule } => {
                let crons = self.crons_of(&app)?;
                let crons = crons.ok_or_else(|| Refusal::no_schedule(&app, &schedule, &[]))?;
                crons.run_now(&schedule).await.map(Done::ScheduleRan)
            }
            Action::SetLink { app, component, interface, provider } => {
                self.relink(&app, Relink { component, key: interface, to: Some(provider) }).await
            }
            Action::MoveLink { app, component, interface, provider, replace } => {
                self.move_link(&app, Move { component, key: interface, to: provider }, replace).await
            }
            Action::RemoveLink { app, component, interface } => {
                self.relink(&app, Relink { component, key: interface, to: None }).await
            }
            // What runs is decided by whoever has this host.
            Action::Apply { .. }
            | Action::Rollback { .. }
            | Action::Start { .. }
            | Action::Stop { .. }
            | Action::Remove { .. } => Err(Refusal::one_app()),
            // So is where it serves, and for how long.
            Action::AddListener { .. } | Action::RemoveListener { .. } | Action::Drain {} => Err(Refusal::not_here()),
        }
    }

    fn crons_of(&self, app: &AppId) -> Result<Option<Arc<Crons>>, Refusal> {
        Ok(self.running(&self.apps(), app)?.1.overview.crons.clone())
    }

    /// The app that somebody asks for, or all.
    fn asked<'a>(
        &self,
        apps: &'a BTreeMap<AppId, Running>,
        app: Option<&AppId>,
    ) -> Result<Vec<(&'a AppId, &'a Running)>, Refusal> {
        match app {
            None => Ok(apps.iter().collect()),
            Some(app) => self.running(apps, app).map(|found| vec![found]),
        }
    }

    /// The app of that name among `apps`, which are those that run.
    pub(super) fn running<'a>(
        &self,
        apps: &'a BTreeMap<AppId, Running>,
        app: &AppId,
    ) -> Result<(&'a AppId, &'a Running), Refusal> {
        apps.get_key_value(app).ok_or_else(|| match self.readiness.knows(app) {
            true => Refusal::not_running(app),
            false => Refusal::no_app(app, apps.keys().cloned()),
        })
    }
}

impl Running {
    fn status(&self, app: &AppId) -> AppStatus {
        let components: Vec<_> = self.components().map(|component| self.component(component)).collect();
        let Usage { requests, rates, instances } = Usage::of(&self.series(), Instant::now());
        AppStatus {
            uptime_ms: Some(self.since.elapsed().as_millis() as u64),
            requests,
            rates,
            instances,
            code_bytes: Some(self.weight.code_bytes()),
            components,
            moving: self.moving.upgrade().map(|moving| moving.told()),
            ..AppStatus::unknown(app)
        }
    }

    fn component(&self, component: &Component) -> ComponentStatus {
        let name = &component.identity.name;
        let Usage { requests, rates, instances } = Usage::of(&component.identity.series, Instant::now());
        let service: Option<ServiceState> = self.overview.services.get(name).map(|state| state.borrow().clone());
        ComponentStatus {
            component: name.clone(),
            service,
            requests,
            rates,
            instances,
            memory_limit_bytes: Some(component.identity.limits.memory.0),
            code_bytes: Some(component.program.code_len()),
        }
    }

    fn links(&self, app: &AppId, component: Option<&ComponentName>) -> Result<AppLinks, Refusal> {
        let of_component = |component: &Arc<Component>| ComponentLinks {
            component: component.identity.name.clone(),
            links: component.identity.links.load().all.iter().map(LinkStatus::from).collect(),
        };
        let components = self.chosen(app, component)?.into_iter().map(of_component).collect();
        Ok(AppLinks { app: app.clone(), components })
    }

    fn components(&self) -> impl Iterator<Item = &Arc<Component>> {
        self.components.iter().map(|sibling| sibling.component())
    }

    /// The component that somebody asks for, or all.
    fn chosen(&self, app: &AppId, component: Option<&ComponentName>) -> Result<Vec<&Arc<Component>>, Refusal> {
        let Some(wanted) = component else { return Ok(self.components().collect()) };
        match self.components().find(|component| component.identity.name == *wanted) {
            Some(found) => Ok(vec![found]),
            None => {
                let known = self.components().map(|component| component.identity.name.clone());
                Err(Refusal::no_component(app, wanted, known))
            }
        }
    }
}
