//! What of an app runs without being asked by a client: its services, its schedules, and what handles its messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use wattle_spec::app::App;
use wattle_spec::control::ServiceState;
use wattle_spec::name::ComponentName;

use super::load::Siblings;
use crate::trigger::cron::{Crons, TickBook};
use crate::trigger::ground::Ground;
use crate::trigger::message::{Inbox, Kept};
use crate::trigger::service::{self, Start};

/// The services and triggers of one app. What still runs ends when it is dropped.
#[derive(Default)]
pub(super) struct Background {
    stop: watch::Sender<bool>,
    triggers: JoinSet<()>,
    services: JoinSet<()>,
    /// Where messages are taken from, those included that take no more.
    inboxes: Vec<Arc<Kept>>,
    /// What stops those of them that have given way to others.
    giving_way: JoinSet<()>,
}

/// What can be told of them, also while they end.
#[derive(Default)]
pub(super) struct Overview {
    pub(super) services: BTreeMap<ComponentName, watch::Receiver<ServiceState>>,
    /// `None`: the app has no schedules.
    pub(super) crons: Option<Arc<Crons>>,
}

impl Background {
    /// Starts them, on the runtime of whoever calls this. `components` are those of `app`, `inboxes` those that its
    /// messages come to.
    pub(super) fn start(
        app: &App,
        ground: &Arc<Ground>,
        book: &Arc<dyn TickBook>,
        components: &Siblings,
        inboxes: Vec<Inbox>,
    ) -> (Self, Overview) {
        let (mut background, mut overview) = (Self::default(), Overview::default());
        for (name, spec) in &app.components {
            if let (Some(policy), Some(sibling)) = (spec.service, components.get(name))
                && let Some(desk) = sibling.desk()
            {
                let (told, state) = watch::channel(ServiceState::Starting);
                overview.services.insert(name.clone(), state);
                let start = Start { component: sibling.component().clone(), desk: desk.clone(), policy, state: told };
                background.services.spawn(service::keep(ground.clone(), start));
            }
        }
        let (mut crons, desk) = Crons::new(app, ground.clone(), book.clone());
        for trigger in &app.crons {
            if let Some(sibling) = components.get(&trigger.component) {
                crons.add(trigger.clone(), sibling.component().clone());
            }
        }
        if !crons.triggers.is_empty() {
            let crons = Arc::new(crons);
            background.triggers.spawn(crons.clone().keep(background.stop.subscribe(), desk));
            overview.crons = Some(crons);
        }
        for inbox in inboxes {
            background.listen(inbox, Duration::ZERO);
        }
        (background, overview)
    }

    /// Takes messages from `inbox`, and where those of its trigger came from elsewhere, after `time` no more from there.
    pub(super) fn listen(&mut self, inbox: Inbox, time: Duration) {
        while self.giving_way.try_join_next().is_some() {}
        self.inboxes.retain(|kept| !kept.has_ended());
        let (kept, keeping) = inbox.keep();
        let kept = Arc::new(kept);
        self.triggers.spawn(keeping);
        for before in self.inboxes.iter().filter(|before| before.is_like(&kept)) {
            let (before, next) = (before.clone(), kept.clone());
            self.giving_way.spawn(async move { before.give_way(&next, time).await });
        }
        self.inboxes.push(kept);
    }

    /// From now on nothing more becomes due, and no message is taken.
    pub(super) fn stop_triggers(&self) {
        self.stop.send_replace(true);
        self.inboxes.iter().for_each(|kept| kept.stop());
    }

    /// Waits until what triggers have called has ended, and then ends the services: those have no way to be told.
    pub(super) async fn end(mut self) {
        self.stop_triggers();
        while self.triggers.join_next().await.is_some() {}
        self.services.shutdown().await;
    }
}
