//! The message trigger: the messages that a component hears of, each handled by an instance on one of the cores.
//!
//! Each core subscribes for itself and has a part of the places, so a message is handled where it arrives and the backend
//! deals to those that have room. A message is settled when it was handled, or when nothing more is to become of it.

mod delivery;
mod handler;
mod hearing;
mod lane;
mod leftovers;

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::{BoxFuture, join_all, try_join_all};
use tokio::sync::watch;
use tokio::time::sleep;
use wattle_backend::bus::{Audience, Deliveries, Subscription};
use wattle_backend::error::BackendError;
use wattle_spec::message::{MessageReport, MessageTrigger};
use wattle_spec::name::BackendName;
use wattle_spec::report::Report;
use wattle_spec::shape::MessageHandler;

use self::handler::Handler;
use self::hearing::Hearing;
use self::lane::Lane;
pub(crate) use self::leftovers::{forget, forget_later};
use super::ground::Ground;
use crate::capability::messaging::BusLink;
use crate::component::{Component, Links};
use crate::cores::CoreId;
use crate::error::StartError;

/// A trigger with everything that its messages need.
pub(crate) struct Subscriber {
    trigger: MessageTrigger,
    component: Arc<Component>,
    handler: Handler,
    link: BusLink,
    ground: Arc<Ground>,
    hearing: Arc<Hearing>,
    given_up: AtomicU64,
}

/// The messages of one trigger: on each core a part of them.
pub(crate) struct Inbox {
    subscriber: Arc<Subscriber>,
    lanes: Vec<Lane>,
}

/// An inbox that is kept by somebody, for who ends it.
pub(crate) struct Kept {
    trigger: MessageTrigger,
    /// Where they come from.
    backend: BackendName,
    hearing: Weak<Hearing>,
    stop: watch::Sender<bool>,
}

impl Inbox {
    /// Begins to listen where `links` say. What is published from now on is delivered, unless the backend cannot be reached now: then it is
    /// tried again when the inbox is [kept](Self::keep).
    ///
    /// # Errors
    ///
    /// If the backend refuses.
    pub(crate) async fn open(
        trigger: &MessageTrigger,
        handler: MessageHandler,
        component: &Arc<Component>,
        links: &Links,
        ground: &Arc<Ground>,
    ) -> Result<Self, StartError> {
        let name = &component.identity.name;
        let unfit = || StartError::Link { component: name.clone(), reason: "messages cannot reach it".to_owned() };
        let package = handler.interface().package_key().to_string();
        let link = links.inbox(&package).ok_or_else(unfit)?;
        let subscriber = Arc::new(Subscriber {
            trigger: trigger.clone(),
            component: component.clone(),
            handler: Handler::find(handler, &component.program).ok_or_else(unfit)?,
            ground: ground.clone(),
            hearing: Hearing::of(trigger, &component.identity.app, &link, &ground.readiness),
            link,
            given_up: AtomicU64::default(),
        });
        let shares = shares(trigger, &ground.cores.ids().collect::<Vec<_>>(), ground.cores.least_loaded());
        let opened = shares.into_iter().map(async |(core, places)| {
            // Where they are handled.
            let subscribed = ground.cores.run_on(core, subscriber.subscribe(places)).await;
            let deliveries = match subscribed.unwrap_or(Err(BackendError::Closed)) {
                Ok(deliveries) => Ok(deliveries),
                Err(error @ (BackendError::Unavailable { .. } | BackendError::TimedOut { .. })) => {
                    Err(subscriber.hearing.lose(error.code()))
                }
                Err(source) => {
                    let subject = trigger.subject.clone();
                    return Err(StartError::Subscribe { component: name.clone(), subject, source });
                }
            };
            Ok(Lane { core, places, deliveries })
        });
        let lanes = try_join_all(opened).await?;
        Ok(Self { subscriber, lanes })
    }

    /// Handles what comes, until what is given beside says that it is over, and then what is under way. What is under way
    /// when the future is dropped is given back to the backend.
    pub(crate) fn keep(self) -> (Kept, impl Future<Output = ()> + Send) {
        let Self { subscriber, lanes } = self;
        subscriber.hearing.count();
        let (stop, stopped) = watch::channel(false);
        let (trigger, backend) = (subscriber.trigger.clone(), subscriber.link.facts.backend.clone());
        let kept = Kept { trigger, backend, hearing: Arc::downgrade(&subscriber.hearing), stop };
        let keeping = async move {
            join_all(lanes.into_iter().map(|lane| lane.keep(&subscriber, stopped.clone()))).await;
        };
        (kept, keeping)
    }
}

impl Kept {
    /// From now on it takes no message.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether it and `other` are for one trigger.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let place = |kept: &Self| (kept.trigger.component.clone(), kept.trigger.subject.clone());
        place(self) == place(other)
    }

    /// Makes way for a later version of its app, which begins with `next`. What comes from elsewhere from then on is taken
    /// as long as somebody of this version may publish it: until it is [stopped](Self::stop). `is_other` says which
    /// backends are other ones for the later version.
    pub(crate) fn make_way(&self, next: &[Arc<Self>], is_other: impl Fn(&BackendName) -> bool) {
        if let Some(hearing) = self.hearing.upgrade() {
            hearing.pass();
        }
        let hears_elsewhere =
            |other: &Arc<Self>| self.is_like(other) && (self.backend != other.backend || is_other(&self.backend));
        if !next.iter().any(hears_elsewhere) {
            self.stop();
        }
    }

    /// Whether nothing of it is under way any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.stop.is_closed()
    }

    /// Stops it, whose trigger `next` takes the messages of: at once if they come from the same backend, else after `time`, so
    /// that what those publish who began before is still heard.
    pub(crate) async fn give_way(&self, next: &Arc<Self>, time: Duration) {
        if self.backend != next.backend {
            if let Some(hearing) = self.hearing.upgrade() {
                hearing.pass();
            }
            sleep(time).await;
        }
        self.stop();
    }
}

/// How many places each core has. One alone has all of them if each message goes to every subscriber, or if there are
/// fewer places than cores.
fn shares(trigger: &MessageTrigger, cores: &[CoreId], least_loaded: CoreId) -> Vec<(CoreId, NonZeroUsize)> {
    let places = trigger.concurrency.get() as usize;
    let is_shared = trigger.audience != wattle_spec::message::Audience::Everyone;
    let cores = if is_shared && places >= cores.len() { cores } else { &[least_loaded] };
    let share = |(at, core): (usize, &CoreId)| {
        let more = usize::from(at < places % cores.len());
        Some((*core, NonZeroUsize::new(places / cores.len() + more)?))
    };
    cores.iter().enumerate().filter_map(share).collect()
}

impl Subscriber {
    fn subscribe(&self, places: NonZeroUsize) -> BoxFuture<'static, Result<Deliveries, BackendError>> {
        let audience = match self.trigger.group(&self.component.identity.app) {
            Some(group) => Audience::Group(group),
            None => Audience::Everyone,
        };
        let (owner, pattern) = (self.link.owner.clone(), self.trigger.subject.clone());
        self.link.bus.subscribe(Subscription { owner, pattern, audience, unsettled: places })
    }

    fn report(&self, report: MessageReport) {
        self.ground.report(Report::Message(report));
    }
}
