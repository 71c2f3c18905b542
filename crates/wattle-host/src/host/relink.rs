//! A link that leads elsewhere from now on. What it is to lead to is opened and checked first, then all at once new
//! invocations find it; those under way end with what they began with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::control::{ComponentLinks, Done, LinkStatus, Refusal, RefusalCode};
use wattle_spec::link::Provider;
use wattle_spec::name::{AppId, BackendName, ComponentName};
use wattle_spec::resolve::{Relink, relinked};

use super::Host;
use super::backends::AppBackend;
use super::links::Joining;
use super::running::Running;
use crate::capability::Via;
use crate::component::{Identity, Links, Program};
use crate::error::{StartError, with_causes};
use crate::readiness::Readiness;
use crate::sibling::{Callee, Sibling};
use crate::trigger::message::Inbox;

/// What is told beside each refusal.
const UNCHANGED: &str = "the link stays as it was";

/// An app as it is before a change.
struct Before {
    now: Arc<App>,
    first: Arc<App>,
    components: Vec<Arc<Sibling>>,
}

/// What becomes of an app, and has been opened for it.
struct Prepared {
    app: Arc<App>,
    component: Arc<Sibling>,
    backends: BTreeMap<BackendName, AppBackend>,
    links: Arc<Links>,
    /// Where messages come from that came from elsewhere.
    inboxes: Vec<Inbox>,
}

impl Host {
    /// Leads one link of `app` elsewhere.
    pub(super) async fn relink(&self, app: &AppId, change: Relink) -> Result<Done, Refusal> {
        // What does not answer is found out before anybody has to wait for that.
        let (before, changed) = self.changed(app, &change)?;
        let _open = self.usable(&changed, &before.now, &change.component).await?;
        let _turn = self.turns.of(app).await;
        let (before, changed) = self.changed(app, &change)?;
        let prepared = self.prepare(changed, &before, &change.component).await?;
        self.uses(app, &prepared.app.components[&change.component])?;
        let links = prepared.app.components[&change.component].links.iter().map(LinkStatus::from).collect();
        self.commit(&before.first, prepared)?;
        tracing::info!(%app, component = %change.component, interface = %change.key, "a link was changed");
        Ok(Done::Linked(ComponentLinks { component: change.component, links }))
    }

    /// The app `app` as it is, and as it is after `change`.
    fn changed(&self, app: &AppId, change: &Relink) -> Result<(Before, App), Refusal> {
        let before = {
            let apps = self.apps();
            let (_, Running { app, first, components, .. }) = self.running(&apps, app)?;
            Before { now: app.clone(), first: first.clone(), components: components.0.clone() }
        };
        let changed = relinked(&before.now, &before.first, self.loader.backends().named(), change)?;
        Ok((before, changed))
    }

    /// Opens and checks what the links of `component` lead to in `app`, and did not `before`.
    async fn prepare(&self, app: App, before: &Before, component: &ComponentName) -> Result<Prepared, Refusal> {
        let Before { now, components: siblings, .. } = before;
        let sibling = named(siblings, component);
        let sibling = sibling.expect("invariant: a component that can be relinked is one of the app's");
        let before = sibling.component().identity.links.load_full();
        let spec = &app.components[component];
        let backends = self.usable(&app, now, component).await?;
        self.loader.backends().limit(&app).map_err(refused)?;
        let joining = Joining {
            app: &app,
            component,
            spec,
            backends: self.loader.backends(),
            leases: self.loader.backends().leases(&app, component, &before.leases).map_err(refused)?,
            callees: callees(&sibling, spec, siblings)?,
        };
        let links = Arc::new(joining.links().await.map_err(refused)?);
        let inboxes = match hears_elsewhere(spec, &before, &links) {
            true => self.inboxes(&app, sibling.component(), &links).await.map_err(refused)?,
            false => Vec::new(),
        };
        Ok(Prepared { app: Arc::new(app), component: sibling, backends, links, inboxes })
    }

    /// What `app` is linked to, if what links of `component` lead to, and did not in the app as it is `now`, can be used.
    pub(super) async fn usable(
        &self,
        app: &App,
        now: &App,
        component: &ComponentName,
    ) -> Result<BTreeMap<BackendName, AppBackend>, Refusal> {
        let all = self.loader.backends().all_of(app).map_err(refused)?;
        let links = app.components[component].links.iter().zip(&now.components[component].links);
        for (link, _) in links.filter(|(link, before)| link.provider != before.provider) {
            if let Provider::Backend(name) = &link.provider
                && let Some(code) = all[name].opened.ask().await
            {
                let message = format!("backend `{name}` cannot be used: {code}");
                return Err(Refusal::new(RefusalCode::BackendUnusable, message).hint(UNCHANGED));
            }
        }
        Ok(all)
    }

    /// From now on new invocations find what was prepared, in the app that began as `first`.
    fn commit(&self, first: &Arc<App>, prepared: Prepared) -> Result<(), Refusal> {
        let Prepared { app, component, backends, links, inboxes } = prepared;
        let identity = &component.component().identity;
        {
            let mut apps = self.apps();
            // It may have been stopped meanwhile, and another one started in its place.
            let running = apps.get_mut(&app.id).filter(|running| Arc::ptr_eq(&running.first, first));
            let running = running.filter(|_| !self.server.is_ending());
            let ends = || Refusal::new(RefusalCode::Stopping, format!("the app `{}` ends", app.id));
            let running = running.ok_or_else(ends)?;
            let time = self.patience_with(&app, &running.components.0, identity);
            running.depend_on(&backends, &self.readiness);
            let before = identity.links.swap(links);
            running.retiring.end_after(time, identity, &before, &self.ground);
            inboxes.into_iter().for_each(|inbox| running.background.listen(inbox, time));
            running.app = app;
            running.clear(identity);
        }
        Ok(())
    }

    /// How long what has begun with a link may go on with it: an invocation to its deadline; a service, which has none, for
    /// as long as what ends may take.
    fn patience_with(&self, app: &App, of: &[Arc<Sibling>], identity: &Arc<Identity>) -> Duration {
        let drain = self.server.limits.drain;
        // Those that it is composed with have invocations of their own.
        let holders = of.iter().map(|sibling| sibling.component()).filter(|component| component.has(identity));
        let specs = holders.filter_map(|component| app.components.get(&component.identity.name));
        let deadlines = specs.filter(|spec| spec.service.is_none()).map(|spec| spec.limits.deadline);
        deadlines.fold(drain, Duration::max)
    }
}

impl Running {
    /// The links of a component were changed: its instances that serve several invocations keep theirs, and get no new ones.
    pub(super) fn clear(&self, identity: &Arc<Identity>) {
        let has_it = |sibling: &&Arc<Sibling>| sibling.component().has(identity);
        self.components.iter().filter(has_it).for_each(|sibling| sibling.clear());
    }

    /// From now on the app depends on `backends` alone. Those that are new have just been asked.
    pub(super) fn depend_on(&mut self, backends: &BTreeMap<BackendName, AppBackend>, readiness: &Readiness) {
        self.backends.retain(|name, _| backends.contains_key(name));
        for (name, backend) in backends {
            let standing = || readiness.depend_on(&self.app.id, name, backend.opened.clone(), None);
            self.backends.entry(name.clone()).or_insert_with(standing);
        }
    }
}

/// The component of that name.
pub(super) fn named(siblings: &[Arc<Sibling>], name: &ComponentName) -> Option<Arc<Sibling>> {
    siblings.iter().find(|sibling| sibling.component().identity.name == *name).cloned()
}

/// What those imports of `caller` lead to, which is `spec`, that others of the app provide.
pub(super) fn callees(caller: &Sibling, spec: &ComponentSpec, all: &[Arc<Sibling>]) -> Result<Vec<Callee>, Refusal> {
    let Program::Component(code) = &caller.component().program else { return Ok(Vec::new()) };
    Callee::all(spec, code.component(), |name| named(all, name)).map_err(|error| {
        let name = &caller.component().identity.name;
        let message = format!("component `{name}` cannot be joined to its imports: {error:#}");
        Refusal::new(RefusalCode::LinkRefused, message).hint(UNCHANGED)
    })
}

/// Whether the messages of a component that is `spec` come from elsewhere than with the links `before`.
fn hears_elsewhere(spec: &ComponentSpec, before: &Links, now: &Links) -> bool {
    let Some(handler) = spec.shape.message_handler() else { return false };
    let package = handler.interface().package_key().to_string();
    let backend = |links: &Links| {
        let link = links.buses.unnamed(&package, &Via::PLAIN);
        link.map(|link| link.facts.backend.clone())
    };
    backend(before) != backend(now)
}

/// Whether somebody should try again is in the code.
pub(super) fn refused(error: StartError) -> Refusal {
    let message = with_causes(&error);
    let code = match error {
        StartError::CannotKeep { .. } | StartError::NoBackendKind { .. } | StartError::NoSecret { .. } => {
            RefusalCode::BackendUnfit
        }
        _ => RefusalCode::BackendUnusable,
    };
    Refusal::new(code, message).hint(UNCHANGED)
}
