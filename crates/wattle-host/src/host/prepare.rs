//! From an app to everything that it takes requests with: the same for its start and for its update. Whatever can fail
//! fails here, while an earlier version of it serves as it did.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::control::{Progress, ServiceState};
use wattle_spec::name::{AppId, BackendName, ComponentName};

use super::Host;
use super::background::{Background, Starter};
use super::load::{Siblings, Source, Starting};
use super::quotas::Quotas;
use super::room::Room;
use super::running::{Components, Ways};
use crate::backing::Opened;
use crate::capability::messaging::BusLink;
use crate::component::{Component, Links};
use crate::error::StartError;
use crate::outgoing::Places;
use crate::trigger::http::Inside;
use crate::trigger::message::{self, Inbox};

/// The version of an app that another one is to take the place of.
pub(super) struct Earlier {
    pub(super) app: Arc<App>,
    /// What it was when it started: no other version has the same.
    pub(super) first: Arc<App>,
    pub(super) ends: watch::Receiver<bool>,
    /// Its sender is gone when nothing of it is there any more.
    pub(super) gone: watch::Receiver<()>,
}

/// An app that can take requests.
pub(super) struct Prepared<'h> {
    pub(super) app: Arc<App>,
    pub(super) siblings: Siblings,
    pub(super) components: Components,
    pub(super) ways: Ways,
    pub(super) inside: Arc<Inside>,
    pub(super) background: Background,
    /// How its services are, if they have been started.
    pub(super) services: Option<BTreeMap<ComponentName, watch::Receiver<ServiceState>>>,
    pub(super) inboxes: Vec<Inbox>,
    /// Each with what it said when it was asked, if it cannot be used.
    pub(super) backends: BTreeMap<BackendName, (Arc<Opened>, Option<&'static str>)>,
    pub(super) quotas: Quotas<'h>,
    pub(super) room: Room,
}

/// Why a backend is not ready that nobody has asked.
const NOT_ASKED: &str = "not asked yet";

impl Host {
    /// Makes everything that `app` takes requests with, and sees that it is well.
    ///
    /// # Errors
    ///
    /// If anything of that fails, or nobody wants it any more: then nothing of it is left.
    pub(super) async fn make_ready(
        &self,
        app: &App,
        source: &dyn Source,
        earlier: Option<&Earlier>,
    ) -> Result<Prepared<'_>, StartError> {
        let mut prepared = self.unless_ended(&app.id, earlier, self.make(app, source, earlier)).await?;
        match self.unless_ended(&app.id, earlier, self.warm_up(&mut prepared, earlier)).await {
            Ok(()) => Ok(prepared),
            Err(error) => {
                self.abandon(prepared, earlier).await;
                Err(error)
            }
        }
    }

    /// What `work` gives, unless the host or the version that is to give way ends before, or somebody stops the app.
    async fn unless_ended<T>(
        &self,
        app: &AppId,
        earlier: Option<&Earlier>,
        work: impl Future<Output = Result<T, StartError>>,
    ) -> Result<T, StartError> {
        let is_stopped = async {
            match earlier {
                Some(earlier) => drop(earlier.ends.clone().wait_for(|ends| *ends).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.server.ends() => Err(StartError::Ending),
            () = is_stopped => Err(StartError::Stopped(app.clone())),
            () = self.beginnings.given_up(app) => Err(StartError::Stopped(app.clone())),
            done = work => done,
        }
    }

    /// Opens, compiles, joins and tries out: nothing of the app runs yet.
    async fn make(
        &self,
        app: &App,
        source: &dyn Source,
        earlier: Option<&Earlier>,
    ) -> Result<Prepared<'_>, StartError> {
        self.are_free(app)?;
        let room = self.rooms.of(app)?;
        let backends = self.asked_backends(app, earlier).await?;
        let outgoing = Arc::new(Places::new(&app.limits));
        let siblings = self.loaded(app, source, &outgoing).await?;
        let (ways, inside) = self.ways(app, &siblings, &outgoing)?;
        Ok(Prepared {
            app: Arc::new(app.clone()),
            components: Components(siblings.values().cloned().collect()),
            siblings,
            ways,
            inside,
            background: Background::default(),
            services: None,
            inboxes: Vec::new(),
            backends,
            quotas: Quotas::of(self.loader.backends(), app, earlier)?,
            room,
        })
    }

    /// Sees that it is well, with its services, and begins to listen to what it hears of.
    async fn warm_up(&self, prepared: &mut Prepared<'_>, earlier: Option<&Earlier>) -> Result<(), StartError> {
        let app = prepared.app.clone();
        if let Some(health) = &app.health {
            self.start_services(prepared, earlier);
            self.beginnings.is(&app.id, Progress::Checking { path: health.path.to_string() });
            self.is_well(&app.id, health, &prepared.inside).await?;
            self.beginnings.is(&app.id, Progress::Starting);
        }
        // What comes there from now on waits until the app has taken over: this comes last.
        for component in prepared.components.iter().map(|sibling| sibling.component()) {
            let links = component.identity.links.load_full();
            prepared.inboxes.extend(self.inboxes(&app, component, &links).await?);
        }
        Ok(())
    }

    /// Starts the services, unless that was done. One that listens waits for the end of an earlier version that does.
    pub(super) fn start_services(&self, prepared: &mut Prepared<'_>, earlier: Option<&Earlier>) {
        if prepared.services.is_some() {
            return;
        }
        let listens = |spec: &ComponentSpec| spec.service.is_some() && !spec.network.listen.is_empty();
        let listening = earlier.filter(|earlier| earlier.app.components.values().any(listens));
        let after = |spec: &ComponentSpec| listening.filter(|_| listens(spec)).map(|earlier| earlier.gone.clone());
        let app = prepared.app.clone();
        let starter = self.starter(&app, &prepared.siblings);
        prepared.services = Some(starter.services(&mut prepared.background, after));
    }

    /// What starts what runs by itself of `app`, which has these `components`.
    pub(super) fn starter<'a>(&'a self, app: &'a App, components: &'a Siblings) -> Starter<'a> {
        Starter { app, ground: &self.ground, book: &self.tick_book, components }
    }

    /// Ends what was made and will not be used. All is as it was before.
    pub(super) async fn abandon(&self, prepared: Prepared<'_>, earlier: Option<&Earlier>) {
        let Prepared { siblings, background, inboxes, quotas, components, .. } = prepared;
        drop((quotas, inboxes));
        if timeout(self.server.limits.drain, background.end()).await.is_err() {
            tracing::warn!("services that were started for nothing had not ended in time and are cut");
        }
        drop(components);
        if let Some(earlier) = earlier {
            // Nobody would take what is kept for groups that only this version has.
            if !forget(&earlier.app, &siblings).await.is_empty() {
                tracing::warn!(app = %earlier.app.id, "groups of a version that was given up cannot be ended now");
            }
        }
    }

    /// The components of `app`, each instantiated once. Their requests to elsewhere take places of `outgoing`.
    async fn loaded(&self, app: &App, source: &dyn Source, outgoing: &Arc<Places>) -> Result<Siblings, StartError> {
        let network = self.loader.network().clone();
        let (outgoing, memory) = (outgoing.clone(), self.loader.memory().of_app());
        let tell = |progress| self.beginnings.is(&app.id, progress);
        let (tell, all) = (&tell, 0);
        let mut starting = Starting { app, source, network, outgoing, memory, tell, all, siblings: Siblings::new() };
        self.loader.load_all(&mut starting, app.components.keys()).await?;
        (starting.tell)(Progress::Starting);
        for sibling in starting.siblings.values() {
            self.loader.try_out(sibling.component(), &self.cores).await?;
        }
        Ok(starting.siblings)
    }

    /// The backends of `app`, opened. Those of an update are asked: it must not end what works for something that does not.
    async fn asked_backends(
        &self,
        app: &App,
        earlier: Option<&Earlier>,
    ) -> Result<BTreeMap<BackendName, (Arc<Opened>, Option<&'static str>)>, StartError> {
        let all = self.loader.backends().all_of(app)?;
        let Some(earlier) = earlier else {
            return Ok(all.into_iter().map(|(name, to)| (name, (to.opened, Some(NOT_ASKED)))).collect());
        };
        let known = self.loader.backends().all_of(&earlier.app)?;
        let answers = futures::future::join_all(all.values().map(|to| to.opened.ask())).await;
        let asked = all.into_iter().zip(answers).map(|((name, to), reason)| match reason {
            Some(code) if !known.values().any(|known| Arc::ptr_eq(&known.opened, &to.opened)) => {
                Err(StartError::Unusable { backend: name, code })
            }
            reason => Ok((name, (to.opened, reason))),
        });
        asked.collect()
    }

    /// Begins to listen to what `component` of `app` hears of, where `links` say.
    pub(super) async fn inboxes(
        &self,
        app: &App,
        component: &Arc<Component>,
        links: &Links,
    ) -> Result<Vec<Inbox>, StartError> {
        let name = &component.identity.name;
        let handler = app.components.get(name).and_then(|spec| spec.shape.message_handler());
        let mut inboxes = Vec::new();
        for trigger in app.messages.iter().filter(|trigger| trigger.component == *name) {
            let Some(handler) = handler else { continue };
            inboxes.push(Inbox::open(trigger, handler, component, links, &self.ground).await?);
        }
        Ok(inboxes)
    }
}

/// Ends the groups behind links of `siblings` that no trigger of `app` has. Returns the links that cannot be reached now.
pub(super) async fn forget(app: &App, siblings: &Siblings) -> Vec<BusLink> {
    let mut unreached = Vec::new();
    for sibling in siblings.values() {
        for link in sibling.component().identity.links.load_full().buses.all() {
            if !message::forget(app, link).await {
                unreached.push(link.clone());
            }
        }
    }
    unreached
}
