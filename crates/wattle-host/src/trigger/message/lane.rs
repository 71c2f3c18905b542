//! A part of the messages of a trigger: those that one core handles.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use wattle_backend::bus::{Deliveries, Delivery};
use wattle_backend::error::BackendError;
use wattle_spec::backoff::Backoff;
use wattle_spec::message::MessageReport;

use super::Subscriber;
use super::handler::Warm;
use super::hearing::Deaf;
use crate::cores::CoreId;
use crate::error::with_causes;
use crate::invocation::RequestId;

/// How long to wait before a backend is asked again that could not be reached.
const SUBSCRIBE_BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) };

/// A part of the messages of a trigger.
pub(super) struct Lane {
    pub(super) core: CoreId,
    /// How many are handled at a time.
    pub(super) places: NonZeroUsize,
    /// An error: the backend could not be reached.
    pub(super) deliveries: Result<Deliveries, Deaf>,
}

/// What a lane works with on its core.
struct Work {
    subscriber: Arc<Subscriber>,
    core: CoreId,
    places: NonZeroUsize,
    warm: Arc<Warm>,
}

impl Lane {
    /// Handles what comes on its core. When this is dropped, that ends.
    pub(super) async fn keep(self, subscriber: &Arc<Subscriber>, stop: watch::Receiver<bool>) {
        let Self { core, places, deliveries } = self;
        let work = Work { subscriber: subscriber.clone(), core, places, warm: Arc::default() };
        let (mut sender, ended) = oneshot::channel::<()>();
        let task = |_| async move {
            tokio::select! {
                biased;
                () = sender.closed() => {}
                () = work.run(deliveries, stop) => {}
            }
        };
        subscriber.ground.cores.start_on(core, task).await;
        let _ = ended.await;
    }
}

impl Work {
    async fn run(self, mut deliveries: Result<Deliveries, Deaf>, mut stop: watch::Receiver<bool>) {
        let mut handling = JoinSet::new();
        loop {
            let subscribed = match deliveries {
                Ok(deliveries) => Some(deliveries),
                Err(deaf) => self.subscribe(deaf, &mut stop).await,
            };
            let Some(subscribed) = subscribed else { break };
            if self.listen(subscribed, &mut handling, &mut stop).await {
                break;
            }
            deliveries = Err(self.subscriber.hearing.lose("subscription-ended"));
        }
        while let Some(ended) = handling.join_next().await {
            tell_bug(ended);
        }
        if let Err(error) = self.subscriber.link.bus.settled().await {
            self.trouble(&error);
        }
    }

    /// Handles what comes. Whether that is because it is over; else the backend ended it.
    async fn listen(
        &self,
        mut deliveries: Deliveries,
        handling: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let idle = self.subscriber.component.policy.idle;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return true,
                Some(ended) = handling.join_next() => tell_bug(ended),
                next = deliveries.next(), if handling.len() < self.places.get() => match next {
                    Some(Ok(delivery)) => self.begin(delivery, handling),
                    Some(Err(error)) => self.trouble(&error),
                    None => return false,
                },
                () = sleep(idle), if handling.is_empty() && !self.warm.is_empty() => self.warm.clear(),
            }
        }
    }

    fn begin(&self, delivery: Delivery, handling: &mut JoinSet<()>) {
        // On the heap at once: a task moves what it runs several times.
        handling.spawn(self.subscriber.clone().deliver(self.core, self.warm.clone(), delivery).boxed());
    }

    /// Asks the backend until it says yes; the lane is `deaf` as long. `None`: it is over.
    async fn subscribe(&self, deaf: Deaf, stop: &mut watch::Receiver<bool>) -> Option<Deliveries> {
        let subscriber = self.subscriber.clone();
        let (app, trigger) = (&subscriber.component.identity.app, subscriber.trigger.to_string());
        let mut failures = 0;
        loop {
            let subscribed = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return None,
                subscribed = subscriber.subscribe(self.places) => subscribed,
            };
            let error = match subscribed {
                Ok(deliveries) => {
                    if deaf.ends_as_news() {
                        subscriber.report(MessageReport::Restored { app: app.clone(), trigger });
                    }
                    return Some(deliveries);
                }
                Err(error) => error,
            };
            deaf.because_of(error.code());
            let after = SUBSCRIBE_BACKOFF.delay(failures, RequestId::next().chance());
            failures += 1;
            if deaf.is_news(error.code()) {
                let (app, trigger, reason) = (app.clone(), trigger.clone(), with_causes(&error));
                subscriber.report(MessageReport::Lost { app, trigger, reason, after });
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return None,
                () = sleep(after) => {}
            }
        }
    }

    fn trouble(&self, error: &BackendError) {
        let subscriber = &self.subscriber;
        let (app, trigger) = (subscriber.component.identity.app.clone(), subscriber.trigger.to_string());
        subscriber.report(MessageReport::Troubled { app, trigger, reason: with_causes(error) });
    }
}

fn tell_bug(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the host's own bug ended the handling of a message");
    }
}
