//! What of an app runs without being asked by a client: its services, its schedules, and what handles its messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::control::ServiceState;
use wattle_spec::name::{BackendName, ComponentName};

use super::load::Siblings;
use crate::capability::messaging::BusLink;
use crate::trigger::cron::{Crons, TickBook};
use crate::trigger::ground::Ground;
use crate::trigger::message::{self, Inbox, Kept};
use crate::trigger::service::{self, Start};

/// The services and triggers of one app. What still runs ends when it is dropped.
#[derive(Default)]
pub(super) struct Background {
    stop: watch::Sender<bool>,
    stop_services: watch::Sender<bool>,
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

/// What they are started with, on the runtime of whoever does.
pub(super) struct Starter<'a> {
    pub(super) app: &'a App,
    pub(super) ground: &'a Arc<Ground>,
    pub(super) book: &'a Arc<dyn TickBook>,
    /// The components of the app.
    pub(super) components: &'a Siblings,
}

impl Starter<'_> {
    /// Starts the services: each at once, or when the sender of what `after` gives for it is gone.
    pub(super) fn services(
        &self,
        background: &mut Background,
        after: impl Fn(&ComponentSpec) -> Option<watch::Receiver<()>>,
    ) -> BTreeMap<ComponentName, watch::Receiver<ServiceState>> {
        let mut states = BTreeMap::new();
        for (name, spec) in &self.app.components {
            if let (Some(policy), Some(sibling)) = (spec.service, self.components.get(name))
                && let Some(desk) = sibling.desk()
            {
                let (told, state) = watch::channel(ServiceState::Starting);
                states.insert(name.clone(), state);
                let (component, desk) = (sibling.component().clone(), desk.clone());
                let (after, stop) = (after(spec), background.stop_services.subscribe());
                let start = Start { component, desk, policy, state: told, after, stop };
                background.services.spawn(service::keep(self.ground.clone(), start));
            }
        }
        states
    }

    /// Starts the triggers. Messages come to `inboxes`; schedules go on where those of an `earlier` version of the app end.
    pub(super) fn triggers(
        &self,
        background: &mut Background,
        inboxes: Vec<Inbox>,
        earlier: Option<Arc<Crons>>,
    ) -> Option<Arc<Crons>> {
        let (mut crons, desk) = Crons::new(self.app, self.ground.clone(), self.book.clone());
        for trigger in &self.app.crons {
            if let Some(sibling) = self.components.get(&trigger.component) {
                crons.add(trigger.clone(), sibling.component().clone(), earlier.as_deref());
            }
        }
        for inbox in inboxes {
            background.listen(inbox, Duration::ZERO);
        }
        if crons.triggers.is_empty() {
            return None;
        }
        let crons = Arc::new(crons);
        background.triggers.spawn(crons.clone().keep(earlier, background.stop.subscribe(), desk));
        Some(crons)
    }
}

impl Background {
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

    /// Ends groups that no trigger of `app` has, behind `links` that cannot be reached now.
    pub(super) fn forget_later(&mut self, app: Arc<App>, links: Vec<BusLink>) {
        let mut stop = self.stop.subscribe();
        self.triggers.spawn(async move {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = message::forget_later(&app, links) => {}
            }
        });
    }

    /// From now on nothing more becomes due, and no message is taken.
    pub(super) fn stop_triggers(&self) {
        self.stop.send_replace(true);
        self.inboxes.iter().for_each(|kept| kept.stop());
    }

    /// The same, but for messages that come to the `next` version of the app from elsewhere: those are taken until the
    /// triggers are stopped. `is_other` says which backends are other ones for that version.
    pub(super) fn make_way(&self, next: &Self, is_other: impl Fn(&BackendName) -> bool) {
        self.stop.send_replace(true);
        self.inboxes.iter().for_each(|kept| kept.make_way(&next.inboxes, &is_other));
    }

    /// Waits until what triggers have called has ended, and then ends the services, which have no way to be told: their
    /// instances are gone when this returns.
    pub(super) async fn end(mut self) {
        self.stop_triggers();
        while self.triggers.join_next().await.is_some() {}
        self.stop_services.send_replace(true);
        while self.services.join_next().await.is_some() {}
    }
}
