//! The cron trigger: the schedules of an app, and the runs of its components at their times.
//!
//! What is due is decided by the clock on the wall ([`Timetable`]); between two looks at it the host sleeps by the clock
//! that only goes forward. A tick is claimed in the [`TickBook`] before it runs: nobody else runs it, ever.

mod asked;
mod book;
mod run;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, pending};
use futures::stream::{self, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use wattle_backend::error::BackendError;
use wattle_spec::app::App;
use wattle_spec::cron::{CronTrigger, Missed, STEP_MAX, Timetable, Verdict};
use wattle_spec::name::AppId;
use wattle_spec::report::{Report, SkipReason, Tick};

pub(crate) use asked::Asked;
pub use book::{KeptTicks, TickBook};
use run::{Runs, Scheduled};

use super::ground::Ground;
use crate::component::Component;

/// Entries of the book that are read at a time.
const READS: usize = 64;

/// How long the book may take for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The schedules of one app.
pub(crate) struct Crons {
    app: AppId,
    ground: Arc<Ground>,
    book: Arc<dyn TickBook>,
    runs: Runs,
    pub(crate) triggers: Vec<Arc<Scheduled>>,
    /// Where runs are asked for.
    asked: mpsc::Sender<Asked>,
}

impl Crons {
    /// Those of `app`, none so far, and what is asked of them.
    pub(crate) fn new(app: &App, ground: Arc<Ground>, book: Arc<dyn TickBook>) -> (Self, mpsc::Receiver<Asked>) {
        let (asked, desk) = asked::desk();
        let (app, runs) = (app.id.clone(), Runs::new(&app.limits));
        (Self { app, ground, book, runs, triggers: Vec::new(), asked }, desk)
    }

    /// Adds what `component` does at the times of `trigger`.
    pub(crate) fn add(&mut self, trigger: CronTrigger, component: Arc<Component>) {
        self.triggers.push(Arc::new(Scheduled::new(trigger, component)));
    }

    /// Runs what is due, and what comes to the `desk`, until `stop` says that it is over, and then until the runs under way
    /// have ended.
    pub(crate) async fn keep(self: Arc<Self>, mut stop: watch::Receiver<bool>, mut desk: mpsc::Receiver<Asked>) {
        let crons = self;
        let mut table = crons.timetable().await;
        let (mut running, stopping) = (JoinSet::new(), stop.clone());
        loop {
            let now = crons.ground.clock.now();
            for due in table.due(now) {
                let scheduled = crons.triggers[due.trigger].clone();
                match due.verdict {
                    Verdict::Miss => crons.skip(&scheduled, due.tick, SkipReason::Missed),
                    Verdict::Run => match scheduled.place(crons.runs.backlog) {
                        Some(place) => {
                            drop(running.spawn(crons.clone().run(scheduled, due.tick, place, stopping.clone())))
                        }
                        None => crons.skip(&scheduled, due.tick, SkipReason::Overlap),
                    },
                }
            }
            if let Some(until) = table.set_back(now) {
                crons.ground.report(Report::CronWaits { app: crons.app.clone(), until });
            }
            let nap = table.nap(now).map(|nap| crons.ground.clock.sleep(nap));
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(ended) = running.join_next() => tell_bug(ended),
                Some(asked) = desk.recv() => {
                    if let Some((asked, place)) = crons.admit(asked) {
                        drop(running.spawn(crons.clone().run_asked(asked, place, stopping.clone())));
                    }
                }
                () = nap.unwrap_or_else(|| Box::pin(pending())) => {}
            }
        }
        drop(desk);
        while let Some(ended) = running.join_next().await {
            tell_bug(ended);
        }
    }

    fn skip(&self, scheduled: &Scheduled, tick: DateTime<Utc>, reason: SkipReason) {
        let tick = Tick::of(&self.app, &scheduled.trigger, tick);
        self.ground.report(Report::CronSkipped { tick, reason });
    }

    /// The timetable from now on, with what was missed where that is wanted.
    async fn timetable(&self) -> Timetable {
        let now = self.ground.clock.now();
        let reads: Vec<_> = self.triggers.iter().map(|scheduled| self.decided(scheduled, now)).collect();
        let decided: Vec<_> = stream::iter(reads).buffered(READS).collect().await;
        let mut table = Timetable::default();
        for (scheduled, decided) in self.triggers.iter().zip(decided) {
            table.add(scheduled.trigger.clone(), decided);
        }
        table
    }

    /// What the book answers, or why it does not.
    async fn answer<T>(&self, asked: BoxFuture<'static, Result<T, BackendError>>) -> Result<T, String> {
        tokio::select! {
            answer = asked => answer.map_err(|error| error.to_string()),
            () = self.ground.clock.sleep(ANSWER_MAX) => Err(format!("there was no answer for {ANSWER_MAX:?}")),
        }
    }

    /// Up to which tick everything has been decided.
    async fn decided(&self, scheduled: &Scheduled, now: DateTime<Utc>) -> DateTime<Utc> {
        let trigger = scheduled.trigger.to_string();
        let last = self.answer(self.book.last(&self.app, &trigger)).await.unwrap_or_else(|reason| {
            tracing::warn!(app = %self.app, trigger, reason, "what was missed is not known");
            None
        });
        let last = last.filter(|last| *last - now <= STEP_MAX);
        match (scheduled.trigger.missed, last) {
            (Missed::Skip, last) => last.unwrap_or(now).max(now),
            (Missed::Once, Some(last)) => last,
            (Missed::Once, None) => {
                // From now on ticks can be missed.
                if let Err(reason) = self.answer(self.book.claim(&self.app, &trigger, now)).await {
                    tracing::warn!(app = %self.app, trigger, reason, "what will be missed is not known");
                }
                now
            }
        }
    }
}

fn tell_bug(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the host's own bug ended a run of a schedule");
    }
}
