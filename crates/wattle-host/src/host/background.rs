//! What of an app runs without being asked by a client: its services, its schedules, and what handles its messages.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use wattle_spec::app::App;
use wattle_spec::name::ComponentName;

use crate::component::Component;
use crate::trigger::cron::{Crons, Runs, TickBook};
use crate::trigger::ground::Ground;
use crate::trigger::message::Inbox;
use crate::trigger::service;

/// The services and triggers of one app. What still runs ends when it is dropped.
#[derive(Default)]
pub(super) struct Background {
    stop: watch::Sender<bool>,
    triggers: JoinSet<()>,
    services: JoinSet<()>,
}

impl Background {
    /// Starts them, on the runtime of whoever calls this. `component` finds those of `app`, `inboxes` are those that its
    /// messages come to.
    pub(super) fn start<'a>(
        app: &App,
        ground: &Arc<Ground>,
        book: &Arc<dyn TickBook>,
        component: impl Fn(&ComponentName) -> Option<&'a Arc<Component>>,
        inboxes: Vec<Inbox>,
    ) -> Self {
        let mut background = Self::default();
        for (name, spec) in &app.components {
            if let (Some(policy), Some(component)) = (spec.service, component(name)) {
                background.services.spawn(service::keep(ground.clone(), component.clone(), policy));
            }
        }
        let (ground, book) = (ground.clone(), book.clone());
        let mut crons = Crons { app: app.id.clone(), ground, book, runs: Runs::new(&app.limits), triggers: Vec::new() };
        for trigger in &app.crons {
            if let Some(component) = component(&trigger.component) {
                crons.add(trigger.clone(), component.clone());
            }
        }
        if !crons.triggers.is_empty() {
            background.triggers.spawn(crons.keep(background.stop.subscribe()));
        }
        for inbox in inboxes {
            background.triggers.spawn(inbox.keep(background.stop.subscribe()));
        }
        background
    }

    /// From now on nothing more becomes due, and no message is taken.
    pub(super) fn stop_triggers(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until what triggers have called has ended, and then ends the services: those have no way to be told.
    pub(super) async fn end(mut self) {
        self.stop_triggers();
        while self.triggers.join_next().await.is_some() {}
        self.services.shutdown().await;
    }
}
