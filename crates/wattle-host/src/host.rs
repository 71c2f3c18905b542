//! A host: it is handed apps, bytes and sockets, and serves.
//!
//! It fetches nothing and places nothing. Guests run on threads of its own; starting and stopping run on the runtime of
//! whoever asks for it.

mod asleep;
mod backends;
mod background;
mod beginnings;
mod builder;
mod choices;
mod compiling;
mod crew;
mod endings;
mod health;
mod keeps;
mod links;
mod listeners;
mod load;
mod manifest;
mod moving;
mod order;
mod prepare;
mod questions;
mod quotas;
mod relink;
mod retiring;
mod room;
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

pub use asleep::Waker;
pub use backends::BackendSource;
pub use builder::HostBuilder;
pub use choices::ChoiceBook;
pub use listeners::{Listening, Unlistened};
pub use load::Source;
pub use manifest::{Faults, ResolveError, Resolved};
pub use room::NoRoom;

use crate::admin::AdminListener;
use crate::cores::Cores;
use crate::outgoing::Places;
use crate::readiness::Readiness;
use crate::telemetry::{Exporter, Sampler};
use crate::trigger::command::{self, Command, CommandError, Ended, Start};
use crate::trigger::cron::TickBook;
use crate::trigger::ground::Ground;
use crate::trigger::http::{Connections, Listener, Server};
use asleep::Asleep;
use beginnings::Beginnings;
use endings::Endings;
use load::{Loader, Siblings, Starting};
use room::Rooms;
use running::Running;
use turns::Turns;

/// A process that runs apps.
pub struct Host {
    loader: Loader,
    server: Arc<Server>,
    connections: Arc<Connections>,
    listeners: Mutex<Vec<Listener>>,
    apps: Mutex<BTreeMap<AppId, Running>>,
    /// Those that sleep. Locked after `apps`, if both are.
    asleep: Mutex<BTreeMap<AppId, Asleep>>,
    /// Who starts them. `None`: no app sleeps.
    waker: Option<Arc<dyn Waker>>,
    /// Whose turn it is to change a link of an app, move what it keeps, or let it begin, anew or as another version.
    turns: Turns<AppId>,
    /// What is kept for apps that run.
    rooms: Arc<Rooms>,
    /// Apps that are being started.
    beginnings: Beginnings,
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
    /// `None`: nobody counts.
    _sampler: Option<Sampler>,
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
        let memory = self.loader.memory().of_app();
        let (tell, all) = (&drop, 0);
        let mut starting = Starting { app, source, network, outgoing, memory, tell, all, siblings: Siblings::new() };
        self.loader.load_all(&mut starting, [&command.component]).await?;
        // Services do not run beside it: who calls one is told so at once.
        for desk in starting.siblings.values().filter_map(|sibling| sibling.desk()) {
            desk.close().await;
        }
        let component = starting.siblings[&command.component].component().clone();
        command::run(component, self.loader.engines(), command).await
    }

    fn apps(&self) -> std::sync::MutexGuard<'_, BTreeMap<AppId, Running>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
