//! How the apps of a host of many are.

use std::collections::BTreeMap;

use wattle_spec::control::{ActionProgress, AppStatus, DeployedApp, Generation, HostStatus, Refusal};
use wattle_spec::name::{AppId, ComponentName};

use super::Daemon;
use super::desired::Kept;
use super::turn::Now;

impl Daemon {
    /// How the host is, and all apps that it remembers.
    pub(crate) async fn status(&self) -> HostStatus {
        let mut status = self.host.status().await;
        (status.takes_apps, status.tells_progress, status.under_way) = (true, true, self.under_way());
        let mut apps: BTreeMap<AppId, AppStatus> =
            status.apps.into_iter().map(|status| (status.app.clone(), status)).collect();
        for status in self.damaged_apps() {
            apps.entry(status.app.clone()).or_insert(status);
        }
        for (app, deployed) in &*self.apps() {
            let now = deployed.now();
            let status = apps.entry(app.clone()).or_insert_with(|| AppStatus::unknown(app));
            status.state = Some(self.state(app, now.state));
            status.reason.clone_from(&now.reason);
            status.generation = now.record.as_ref().map(|record| record.current);
        }
        for ActionProgress { app, progress, .. } in &status.under_way {
            // What the host begins comes before what waits behind it.
            if let Some(status) = app.as_ref().and_then(|app| apps.get_mut(app)) {
                status.progress.get_or_insert_with(|| progress.clone());
            }
        }
        status.apps = apps.into_values().collect();
        status
    }

    /// Whether it remembers such an app with such a component, if one is named.
    pub(crate) fn knows(&self, app: &AppId, component: Option<&ComponentName>) -> Result<(), Refusal> {
        let deployed = self.known(app)?;
        let now = deployed.now();
        let current = now.record.as_ref().and_then(|record| record.get(record.current));
        match (component, current) {
            (Some(component), Some(kept)) if !kept.snapshot.components.contains_key(component) => {
                Err(Refusal::no_component(app, component, kept.snapshot.components.keys().cloned()))
            }
            _ => Ok(()),
        }
    }

    /// The apps that it remembers with their generations, or `app` alone.
    pub(crate) fn deployed_apps(&self, app: Option<&AppId>) -> Result<Vec<DeployedApp>, Refusal> {
        match app {
            Some(app) => Ok(vec![self.described(app, &self.known(app)?.now())]),
            None => Ok(self.apps().iter().map(|(app, deployed)| self.described(app, &deployed.now())).collect()),
        }
    }

    fn described(&self, app: &AppId, now: &Now) -> DeployedApp {
        let record = now.record.as_ref();
        DeployedApp {
            app: app.clone(),
            state: self.state(app, now.state),
            reason: now.reason.clone(),
            generation: record.map_or(0, |record| record.current),
            generations: record.into_iter().flat_map(|record| &record.generations).map(generation).collect(),
        }
    }
}

fn generation(kept: &Kept) -> Generation {
    Generation {
        generation: kept.generation,
        applied: kept.applied,
        source: kept.snapshot.file.display().to_string(),
        version: kept.version.clone(),
        components: kept.snapshot.components.clone(),
    }
}
