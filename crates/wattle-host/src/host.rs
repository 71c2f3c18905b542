//! A host: it is handed apps, bytes and sockets, and serves.
//!
//! It fetches nothing and places nothing. Guests run on threads of its own; starting and stopping run on the runtime of
//! whoever asks for it.

mod backends;
mod background;
mod builder;
mod choices;
mod crew;
mod endings;
mod health;
mod keeps;
mod links;
mod load;
mod moving;
mod order;
mod prepare;
mod questions;
mod quotas;
mod relink;
mod retiring;
mod routes;
mod running;
mod start;
mod stop;
mod turns;
mod update;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use wattle_spec::app::App;
use wattle_spec::name::AppId;

pub use backends::BackendSource;
pub use builder::HostBuilder;
pub use choices::ChoiceBook;
pub use load::Source;

use crate::admin::{AdminListener, Watched};
use crate::cores::Cores;
use crate::error::HostError;
use crate::outgoing::Places;
use crate::readiness::Readiness;
use crate::telemetry::Exporter;
use crate::tls::Tls;
use crate::trigger::command::{self, Command, CommandError, Ended, Start};
use crate::trigger::cron::TickBook;
use crate::trigger::ground::Ground;
use crate::trigger::http::{Connections, Entrance, Listener, Server};
use endings::Endings;
use load::{Loader, Siblings, Starting};
use running::Running;
use turns::Turns;

/// A process that runs apps.
pub struct Host {
    loader: Loader,
    server: Arc<Server>,
    connections: Arc<Connections>,
    listeners: Mutex<Vec<Listener>>,
    apps: Mutex<BTreeMap<AppId, Running>>,
    /// Whose turn it is to change a link of an app, move what it keeps, or let it begin, anew or as another version.
    turns: Turns,
    /// Apps that end, and versions of those that go on.
    endings: Endings,
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

impl Host {
    /// A host with the defaults, to be changed before it is built.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
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

    fn apps(&self) -> std::sync::MutexGuard<'_, BTreeMap<AppId, Running>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
