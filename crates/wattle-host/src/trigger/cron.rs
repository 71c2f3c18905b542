//! The cron trigger: the schedules of an app, and the runs of its components at their times.
//!
//! What is due is decided by the clock on the wall ([`Timetable`]); between two looks at it the host sleeps by the clock
//! that only goes forward. A tick is claimed in the [`TickBook`] before it runs: nobody else runs it, ever.

mod asked;
mod book;
mod handover;
mod run;

use std::collections::BTreeMap;
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
use handover::{Handed, Handover};
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
    /// Their numbers among those, by what they are called.
    numbers: BTreeMap<String, usize>,
    /// Where runs are asked for.
    asked: mpsc::Sender<Asked>,
    /// What a later version of the app goes on with.
    handover: Handover,
}

impl Crons {
    /// Those of `app`, none so far, and what is asked of them.
    pub(crate) fn new(app: &App, ground: Arc<Ground>, book: Arc<dyn TickBook>) -> (Self, mpsc::Receiver<Asked>) {
        let (asked, desk) = asked::desk();
        let (app, runs) = (app.id.clone(), Runs::new(&app.limits));
        let handover = Handover::default();
        let (triggers, numbers) = (Vec::new(), BTreeMap::new());
        (Self { app, ground, book, runs, triggers, numbers, asked, handover }, desk)
    }

    /// Adds what `component` does at the times of `trigger`. What an `earlier` version of the app did at them counts.
    pub(crate) fn add(&mut self, trigger: CronTrigger, component: Arc<Component>, earlier: Option<&Self>) {
        let (name, number) = (trigger.to_string(), self.triggers.len());
        let tally = earlier.and_then(|earlier| earlier.called(&name)).map(|known| known.tally.clone());
        self.triggers.push(Arc::new(Scheduled { number, trigger, component, tally: tally.unwrap_or_default() }));
        self.numbers.insert(name, number);
    }

    /// The trigger of that name.
    fn called(&self, name: &str) -> Option<&Arc<Scheduled>> {
        self.triggers.get(*self.numbers.get(name)?)
    }

    /// Runs what is due, and what comes to the `desk`, until `stop` says that it is over, and then until the runs under way
    /// have ended. It begins where the `earlier` version of the app ends, which was told to.
    pub(crate) async fn keep(
        self: Arc<Self>,
        earlier: Option<Arc<Self>>,
        mut stop: watch::Receiver<bool>,
        mut desk: mpsc::Receiver<Asked>,
    ) {
        let crons = self;
        let handing_over = crons.handover.at_end();
        let handed = match earlier {
            Some(earlier) => earlier.handover.taken(&earlier).await,
            None => Handed::default(),
        };
        let mut table = crons.timetable(&handed).await;
        let (mut running, stopping) = (JoinSet::new(), stop.clone());
        for ticket in handed.waiting {
            if let Some(scheduled) = crons.called(&ticket.trigger) {
                crons.handover.wait(ticket.tick, scheduled, ticket.place);
                drop(running.spawn(crons.clone().run(scheduled.clone(), ticket.tick, stopping.clone())));
            }
        }
        loop {
            let now = crons.ground.clock.now();
            crons.handover.looked(now);
            for due in table.due(now) {
                let scheduled = crons.triggers[due.trigger].clone();
                match due.verdict {
                    Verdict::Miss => crons.skip(&scheduled, due.tick, SkipReason::Missed),
                    Verdict::Run => match scheduled.place(crons.runs.backlog) {
                        Some(place) => {
                            crons.handover.wait(due.tick, &scheduled, place);
                            drop(running.spawn(crons.clone().run(scheduled, due.tick, stopping.clone())));
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
        drop((desk, handing_over));
        while let Some(ended) = running.join_next().await {
            tell_bug(ended);
        }
    }

    fn skip(&self, scheduled: &Scheduled, tick: DateTime<Utc>, reason: SkipReason) {
        let tick = Tick::of(&self.app, &scheduled.trigger, tick);
        self.ground.report(Report::CronSkipped { tick, reason });
    }

    /// The timetable from now on, or from where what was `handed` over ends, with what was missed where that is wanted.
    async fn timetable(&self, handed: &Handed) -> Timetable {
        let now = self.ground.clock.now();
        let begin = |scheduled| handed.looked_at(scheduled);
        let reads: Vec<_> =
            self.triggers.iter().map(|scheduled| self.decided(scheduled, now, begin(scheduled))).collect();
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

    /// Up to which tick everything has been decided; by an earlier version of the app up to `handed`.
    async fn decided(&self, scheduled: &Scheduled, now: DateTime<Utc>, handed: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let trigger = scheduled.trigger.to_string();
        let last = self.answer(self.book.last(&self.app, &trigger)).await.unwrap_or_else(|reason| {
            tracing::warn!(app = %self.app, trigger, reason, "what was missed is not known");
            None
        });
        let last = last.filter(|last| *last - now <= STEP_MAX);
        if let Some(handed) = handed {
            return last.map_or(handed, |last| last.max(handed));
        }
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
