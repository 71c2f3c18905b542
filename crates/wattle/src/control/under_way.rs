//! An action that was begun: what comes of it, and how far it is until then.
//!
//! Whoever asks so is told how far one is that takes long, in the answer itself: server-sent events, `progress` as often as
//! something has changed, and at last `done` or `refused`. What is done soon is answered as if nobody had asked. When whoever
//! asked is gone, so is this; what was begun goes on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use wattle_spec::control::{ActionProgress, Done, Refusal, Refused};

use super::answer::{Body, json, typed};
use super::follow::event;
use crate::daemon::{Course, Daemon, EVERY, SOON};

/// How long nothing is sent at most: whoever is gone is noticed by what cannot be sent.
const SILENCE: Duration = Duration::from_secs(5);

/// What comes of an action, for all who ask for it.
pub(super) type Outcome = Shared<BoxFuture<'static, Result<Done, Refusal>>>;

/// An action that was begun. Clones are the same.
#[derive(Clone)]
pub(super) struct UnderWay {
    outcome: Outcome,
    /// Who knows how far it is. `None`: nobody does.
    course: Option<(Arc<Daemon>, Arc<Course>)>,
}

impl UnderWay {
    pub(super) fn new(
        outcome: BoxFuture<'static, Result<Done, Refusal>>,
        course: Option<(Arc<Daemon>, Arc<Course>)>,
    ) -> Self {
        Self { outcome: outcome.shared(), course }
    }

    /// Waits for what comes of it.
    pub(super) async fn done(self) -> Result<Done, Refusal> {
        self.outcome.await
    }

    /// The answer, which says how far it is if that takes long.
    pub(super) async fn answer(self) -> Result<Response<Body>, Refusal> {
        let Some((daemon, course)) = self.course else { return Ok(json(&self.outcome.await?)) };
        if let Ok(done) = timeout(SOON, self.outcome.clone()).await {
            return Ok(json(&done?));
        }
        let mut ticks = interval_at(Instant::now(), EVERY);
        // Whoever reads slowly is told less.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let told = Telling { outcome: Some(self.outcome), daemon, course, last: None, sent: Instant::now(), ticks };
        let frames = stream::unfold(told, async |mut told| {
            let text = told.next().await?;
            Some((Ok::<_, Infallible>(Frame::data(text.into())), told))
        });
        Ok(typed("text/event-stream", StreamBody::new(frames).boxed_unsync()))
    }
}

/// Who is told of it as it comes.
struct Telling {
    /// `None`: it was told.
    outcome: Option<Outcome>,
    daemon: Arc<Daemon>,
    course: Arc<Course>,
    /// What was told last.
    last: Option<ActionProgress>,
    /// When something was sent last.
    sent: Instant,
    ticks: Interval,
}

impl Telling {
    /// The next event. `None`: that was all.
    async fn next(&mut self) -> Option<String> {
        let mut outcome = self.outcome.clone()?;
        let mut text = String::new();
        loop {
            tokio::select! {
                biased;
                done = &mut outcome => {
                    self.outcome = None;
                    match done {
                        Ok(done) => event(&mut text, "done", &done),
                        Err(error) => event(&mut text, "refused", &Refused { error }),
                    }
                    return Some(text);
                }
                at = self.ticks.tick() => {
                    let now = self.daemon.progress(&self.course);
                    if self.last.as_ref() != Some(&now) {
                        event(&mut text, "progress", &now);
                        self.last = Some(now);
                    } else if at - self.sent >= SILENCE {
                        // A comment, which is no event.
                        text.push_str(":\n\n");
                    } else {
                        continue;
                    }
                    self.sent = at;
                    return Some(text);
                }
            }
        }
    }
}
