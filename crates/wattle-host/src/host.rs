//! A host: it is handed apps, bytes and sockets, and serves.
//!
//! It fetches nothing and places nothing. Guests run on threads of its own; starting and stopping run on the runtime of
//! whoever asks for it.

mod backends;
mod background;
mod builder;
mod choices;
mod crew;
mod keeps;
mod links;
mod load;
mod moving;
mod order;
mod questions;
mod relink;
mod retiring;
mod turns;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;
use wattle_spec::app::App;
use wattle_spec::name::{AppId, BackendName};
use wattle_spec::route::{HttpRoute, PathPattern, RouteTable, RouteTarget};

pub use backends::BackendSource;
pub use builder::HostBuilder;
pub use choices::ChoiceBook;
pub use load::Source;

use crate::admin::{AdminListener, Watched};
use crate::component::{Component, Links};
use crate::cores::Cores;
use crate::error::{HostError, StartError};
use crate::outgoing::{OpenInside, Places};
use crate::readiness::{Readiness, Standing};
use crate::sibling::Sibling;
use crate::telemetry::Exporter;
use crate::tls::Tls;
use crate::trigger::command::{self, Command, CommandError, Ended, Start};
use crate::trigger::cron::TickBook;
use crate::trigger::ground::Ground;
use crate::trigger::http::{Admission, Answerer, Connections, Entrance, Folder, Inside, Listener, Server, Target};
use crate::trigger::message::{self, Inbox};
use background::{Background, Overview};
use load::{Loader, Siblings, Starting};
use moving::Progress;
use retiring::Retiring;
use turns::Turns;

/// When a host stops, connections that rest may use this long to end by themselves: a request may be on its way.
const REST_GRACE: Duration = Duration::from_millis(500);

/// Why a backend is not ready that nobody has asked.
const NOT_ASKED: &str = "not asked yet";

/// Why an app that ends is not ready.
const STOPPING: &str = "draining";

/// A process that runs apps.
pub struct Host {
    loader: Loader,
    server: Arc<Server>,
    connections: Arc<Connections>,
    listeners: Mutex<Vec<Listener>>,
    apps: Mutex<BTreeMap<AppId, Running>>,
    /// Whose turn it is to change a link of an app, move what it keeps, or let it begin.
    turns: Turns,
    cores: Arc<Cores>,
    ground: Arc<Ground>,
    tick_book: Arc<dyn TickBook>,
    choice_book: Arc<dyn ChoiceBook>,
    readiness: Readiness,
    admin: Mutex<Vec<AdminListener>>,
    /// Ends behind the cores, which have something to tell until their end. `None`: nobody is told.
    exporter: Option<Exporter>,
    since: Instant,
}

/// An app that runs.
struct Running {
    routes: Vec<(HttpRoute, Target)>,
    /// The same for its own components.
    _inside: OpenInside,
    components: Vec<Arc<Sibling>>,
    requests: Arc<Admission>,
    background: Background,
    overview: Overview,
    since: Instant,
    /// What it is now, and was when it started.
    app: Arc<App>,
    first: Arc<App>,
    /// What the host itself says of it.
    ready: Standing,
    /// What the backends say that it is linked to.
    backends: BTreeMap<BackendName, Standing>,
    /// What ends leases of links that were led elsewhere.
    retiring: Retiring,
    /// How far what is being moved of it is.
    moving: Weak<Progress>,
    /// Whether it ends.
    ends: watch::Sender<bool>,
}

impl Host {
    /// A host with the defaults, to be changed before it is built.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Starts `app` with the bytes of `source`: every component is compiled, joined to its providers and instantiated
    /// once before the first request can reach it. Its services and schedules run on the runtime of whoever calls this.
    ///
    /// # Errors
    ///
    /// If anything of that fails; then nothing of the app runs.
    pub async fn start(&self, app: &App, source: &dyn Source) -> Result<(), StartError> {
        let _turn = self.turns.of(&app.id).await;
        if self.apps().contains_key(&app.id) {
            return Err(StartError::Running(app.id.clone()));
        }
        let ready = self.readiness.wait_for(&app.id, "start", "starting");
        let backends = self.loader.backends().all_of(app)?;
        self.loader.backends().limit(app)?;
        let outgoing = Arc::new(Places::new(&app.limits));
        let siblings = self.loaded(app, source, &outgoing).await?;
        let mut inboxes = Vec::new();
        for component in siblings.values().map(|sibling| sibling.component()) {
            inboxes.extend(self.inboxes(app, component, &component.identity.links.load_full()).await?);
        }
        let backends = backends.into_iter().map(|(name, to)| {
            let standing = self.readiness.depend_on(&app.id, &name, to.opened, Some(NOT_ASKED));
            (name, standing)
        });
        let requests = Arc::new(Admission::new(&app.id, app.limits.concurrent_requests));
        let now = Arc::new(app.clone());
        let routes = self.routes(app, &siblings, &requests)?;
        let paths = routes.iter().map(|(route, target)| (&route.path, target));
        let running = Running {
            _inside: outgoing.open(Inside::new(self.server.clone(), paths)),
            routes,
            components: siblings.values().cloned().collect(),
            requests,
            background: Background::default(),
            overview: Overview::default(),
            since: Instant::now(),
            ready,
            backends: backends.collect(),
            retiring: Retiring::default(),
            moving: Weak::new(),
            ends: watch::Sender::new(false),
            first: now.clone(),
            app: now,
        };
        self.record(app)?;
        self.publish(app.id.clone(), running)?;
        for sibling in siblings.values() {
            for link in sibling.component().identity.links.load_full().buses.all() {
                message::forget(app, link).await;
            }
        }
        if let Some(running) = self.apps().get_mut(&app.id) {
            (running.background, running.overview) =
                Background::start(app, &self.ground, &self.tick_book, &siblings, inboxes);
        }
        Ok(())
    }

    /// The components of `app`, each instantiated once. Their requests to elsewhere take places of `outgoing`.
    async fn loaded(&self, app: &App, source: &dyn Source, outgoing: &Arc<Places>) -> Result<Siblings, StartError> {
        let network = self.loader.network().clone();
        let mut starting = Starting { app, source, network, outgoing: outgoing.clone(), siblings: Siblings::new() };
        self.loader.load_all(&mut starting, app.components.keys()).await?;
        for sibling in starting.siblings.values() {
            self.loader.try_out(sibling.component(), &self.cores).await?;
        }
        Ok(starting.siblings)
    }

    /// Begins to listen to what `component` of `app` hears of, where `links` say.
    async fn inboxes(&self, app: &App, component: &Arc<Component>, links: &Links) -> Result<Vec<Inbox>, StartError> {
        let name = &component.identity.name;
        let handler = app.components.get(name).and_then(|spec| spec.shape.message_handler());
        let mut inboxes = Vec::new();
        for trigger in app.messages.iter().filter(|trigger| trigger.component == *name) {
            let Some(handler) = handler else { continue };
            inboxes.push(Inbox::open(trigger, handler, component, links, &self.ground).await?);
        }
        Ok(inboxes)
    }

    /// Where the routes of `app` lead.
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

    /// Stops the app: new requests find it no more, those under way end first, for at most `drain`.
    ///
    /// Whether there was such an app.
    pub async fn stop(&self, app: &AppId) -> bool {
        let running = {
            let mut apps = self.apps();
            let running = apps.remove(app);
            // Without one of them the rest has no conflict that it did not have before.
            let _ = self.reroute(&apps);
            running
        };
        let Some(running) = running else { return false };
        running.end();
        let ended = async {
            running.background.stop_triggers();
            running.requests.empty().await;
            running.background.end().await;
        };
        let _ = timeout(self.server.limits.drain, ended).await;
        running.components.iter().for_each(|component| component.clear());
        true
    }

    /// Runs a component of `app` once, with the bytes of `source`, on the standard streams of this process. The app
    /// itself is not started.
    ///
    /// The guest has a thread of its own and ends with the future; while it waits for a stream, when that lets it go.
    ///
    /// # Errors
    ///
    /// If it cannot be run at all. What happens to it while it runs is a way to end.
    pub async fn run(&self, app: &App, source: &dyn Source, command: Command) -> Result<Ended, CommandError> {
        let Some(spec) = app.components.get(&command.component) else {
            return Err(CommandError::NoComponent { app: app.id.clone(), component: command.component });
        };
        if command.start == Start::Main && !spec.shape.is_command() {
            return Err(CommandError::NoEntry { component: command.component, shape: Box::new(spec.shape.clone()) });
        }
        let _open = self.loader.backends().all_of(app)?;
        self.loader.backends().limit(app)?;
        let network = Arc::new(self.loader.network().alone());
        let outgoing = Arc::new(Places::new(&app.limits));
        let mut starting = Starting { app, source, network, outgoing, siblings: Siblings::new() };
        self.loader.load_all(&mut starting, [&command.component]).await?;
        // Services do not run beside it: who calls one is told so at once.
        for desk in starting.siblings.values().filter_map(|sibling| sibling.desk()) {
            desk.close().await;
        }
        let component = starting.siblings[&command.component].component().clone();
        command::run(component, self.loader.engines(), command).await
    }

    /// Serves HTTP on `listener` until the host stops. Must be called within a Tokio runtime, which accepts.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used.
    pub fn listen(&self, listener: std::net::TcpListener) -> Result<std::net::SocketAddr, HostError> {
        self.enter(listener, None)
    }

    /// Serves HTTP over TLS on `listener`, else as [`Host::listen`] does.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used.
    pub fn listen_tls(
        &self,
        listener: std::net::TcpListener,
        tls: Arc<Tls>,
    ) -> Result<std::net::SocketAddr, HostError> {
        self.enter(listener, Some(tls))
    }

    /// Answers whoever watches the host, on `listener` and by plain HTTP, until the host is dropped: `/healthz`, `/readyz`
    /// and, if the host counts, `/metrics`. Must be called within a Tokio runtime, which serves.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used.
    pub fn listen_admin(&self, listener: std::net::TcpListener) -> Result<std::net::SocketAddr, HostError> {
        let watched = Watched { readiness: self.readiness.clone(), telemetry: self.loader.telemetry().cloned() };
        let listener = AdminListener::start(listener, watched).map_err(HostError::Listen)?;
        let address = listener.address();
        self.admin.lock().expect("invariant: nothing panics while it holds this lock").push(listener);
        Ok(address)
    }

    fn enter(&self, listener: std::net::TcpListener, tls: Option<Arc<Tls>>) -> Result<std::net::SocketAddr, HostError> {
        let entrance = Entrance {
            server: self.server.clone(),
            connections: self.connections.clone(),
            cores: self.cores.clone(),
            tls,
        };
        let listener = Listener::start(listener, entrance).map_err(HostError::Listen)?;
        let address = listener.address();
        self.listeners.lock().expect("invariant: nothing panics while it holds this lock").push(listener);
        Ok(address)
    }

    /// Ends in good order: accepts nothing more, answers what was accepted, and closes. Whether everything ended
    /// within the limit `drain`; what did not is cut when the host is dropped.
    pub async fn drain(&self) -> bool {
        self.apps().values().for_each(Running::end);
        self.server.drain();
        let listeners =
            std::mem::take(&mut *self.listeners.lock().expect("invariant: nothing panics while it holds this lock"));
        let backgrounds: Vec<_> =
            self.apps().values_mut().map(|running| std::mem::take(&mut running.background)).collect();
        backgrounds.iter().for_each(Background::stop_triggers);
        let ended = timeout(self.server.limits.drain, async {
            for listener in listeners {
                listener.closed().await;
            }
            let _ = timeout(REST_GRACE, self.connections.none()).await;
            self.server.close();
            self.connections.none().await;
            self.server.requests.empty().await;
            futures::future::join_all(backgrounds.into_iter().map(Background::end)).await;
        })
        .await;
        for running in self.apps().values() {
            running.components.iter().for_each(|component| component.clear());
        }
        if let Some(exporter) = &self.exporter {
            exporter.flush().await;
        }
        ended.is_ok()
    }

    fn apps(&self) -> std::sync::MutexGuard<'_, BTreeMap<AppId, Running>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn publish(&self, id: AppId, running: Running) -> Result<(), StartError> {
        let mut apps = self.apps();
        if apps.contains_key(&id) {
            return Err(StartError::Running(id));
        }
        let running = apps.entry(id.clone()).insert_entry(running);
        running.get().ready.ready();
        let routed = self.reroute(&apps);
        if routed.is_err() {
            apps.remove(&id);
        }
        routed
    }

    /// Makes the table of routes anew from the routes of `apps`.
    fn reroute(&self, apps: &BTreeMap<AppId, Running>) -> Result<(), StartError> {
        let mut table = RouteTable::new();
        for (route, target) in apps.values().flat_map(|app| &app.routes) {
            if let Err(holder) = table.insert(route.host.as_deref(), &route.path, target.clone()) {
                let holder = holder.answerer.app().clone();
                let host = route.host.as_deref().unwrap_or("");
                return Err(StartError::RouteTaken { route: format!("{host}{}", route.path), holder });
            }
        }
        self.server.routes.store(Arc::new(table));
        Ok(())
    }
}

impl Running {
    /// Tells everybody that it ends.
    fn end(&self) {
        self.ready.not_ready(STOPPING);
        self.ends.send_replace(true);
    }
}
