//! One tick, from its time to the end of its run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit, watch};
use wattle_spec::control::{Moment, ScheduleRun};
use wattle_spec::cron::{CronTrigger, Overlap};
use wattle_spec::limits::AppLimits;
use wattle_spec::report::{Report, SkipReason, Tick};

use super::Crons;
use crate::capability::wasi::CommandLine;
use crate::component::Component;
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::trigger::call::{call, success};
use crate::trigger::entry::Main;

/// The time at which the schedule was due, as a guest finds it in its environment.
const TICK_VARIABLE: &str = "WATTLE_TICK";
/// The schedule, as it is written.
const SCHEDULE_VARIABLE: &str = "WATTLE_SCHEDULE";

/// How many runs there may be.
pub(crate) struct Runs {
    /// Of all schedules of the app at a time.
    places: Semaphore,
    /// Of one schedule, those that wait included.
    pub(super) backlog: u32,
}

impl Runs {
    pub(crate) fn new(limits: &AppLimits) -> Self {
        Self { places: Semaphore::new(limits.cron_runs as usize), backlog: limits.cron_backlog }
    }
}

/// A trigger, its component, and how its runs went.
pub(crate) struct Scheduled {
    /// Its place among the triggers of its version of the app.
    pub(super) number: usize,
    pub(super) trigger: CronTrigger,
    pub(super) component: Arc<Component>,
    pub(super) tally: Arc<Tally>,
}

/// The runs of one trigger, in all versions of its app.
#[derive(Default)]
pub(super) struct Tally {
    /// Its ticks are claimed one after the other, in their order.
    turn: Mutex<()>,
    under_way: AtomicU32,
    failures: AtomicU64,
    /// The run that ended last.
    last: std::sync::Mutex<Option<ScheduleRun>>,
}

/// A place among the runs of one trigger, given back when it is dropped.
pub(crate) struct Place(Arc<Tally>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a run holds.
pub(super) struct Held<'a> {
    permit: SemaphorePermit<'a>,
    turn: MutexGuard<'a, ()>,
}

impl<'a> Held<'a> {
    /// What it keeps while it runs: where runs wait for each other, the turn too.
    pub(super) fn until_the_end_of(self, scheduled: &Scheduled) -> (SemaphorePermit<'a>, Option<MutexGuard<'a, ()>>) {
        (self.permit, (scheduled.trigger.overlap == Overlap::Queue).then_some(self.turn))
    }
}

impl Scheduled {
    /// Runs that have a place, those that wait included.
    pub(super) fn under_way(&self) -> u32 {
        self.tally.under_way.load(Ordering::Relaxed)
    }

    /// Runs that have failed.
    pub(super) fn failures(&self) -> u64 {
        self.tally.failures.load(Ordering::Relaxed)
    }

    /// The run that ended last.
    pub(super) fn last(&self) -> Option<ScheduleRun> {
        self.tally.last.lock().expect("invariant: nothing panics while it holds this lock").clone()
    }

    /// A place for one more run, if its policy lets it be there. `backlog`: how many there may be where it lets several.
    pub(super) fn place(&self, backlog: u32) -> Option<Place> {
        let most = match self.trigger.overlap {
            Overlap::Skip => 1,
            Overlap::Allow | Overlap::Queue => backlog,
        };
        // Only the loop that asks adds to it, and that of a later version begins when that of the earlier one has ended.
        if self.tally.under_way.load(Ordering::Relaxed) >= most {
            return None;
        }
        self.tally.under_way.fetch_add(1, Ordering::Relaxed);
        Some(Place(self.tally.clone()))
    }

    fn command_line(&self, tick: DateTime<Utc>) -> CommandLine {
        CommandLine {
            arguments: vec![self.trigger.component.to_string()],
            variables: vec![
                (TICK_VARIABLE, tick.format("%FT%TZ").to_string()),
                (SCHEDULE_VARIABLE, self.trigger.schedule.to_string()),
            ],
        }
    }
}

impl Crons {
    /// Runs one tick when its time and its turn have come, unless `stop` comes before.
    pub(super) async fn run(
        self: Arc<Self>,
        scheduled: Arc<Scheduled>,
        at: DateTime<Utc>,
        mut stop: watch::Receiver<bool>,
    ) {
        let held = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            held = self.turn(&scheduled, Some(at)) => held,
        };
        let Some(held) = held else { return };
        let Some(_place) = self.handover.begin(at, &scheduled) else { return };
        let claimed = self.book.claim(&self.app, &scheduled.trigger.to_string(), at);
        match self.answer(claimed).await {
            Ok(true) => {}
            Ok(false) => return self.skip(&scheduled, at, SkipReason::Claimed),
            Err(reason) => return self.skip(&scheduled, at, SkipReason::Unclaimed(reason)),
        }
        let _held = held.until_the_end_of(&scheduled);
        self.call(&scheduled, at).await;
    }

    /// Waits for its turn, for the delay of a tick (`None`: somebody asked for the run), and for a place among the runs of
    /// the app.
    pub(super) async fn turn<'a>(&'a self, scheduled: &'a Scheduled, tick: Option<DateTime<Utc>>) -> Option<Held<'a>> {
        let turn = scheduled.tally.turn.lock().await;
        if let Some(at) = tick {
            self.delay(scheduled, at).await;
        }
        let permit = self.runs.places.acquire().await.ok()?;
        Some(Held { permit, turn })
    }

    async fn delay(&self, scheduled: &Scheduled, at: DateTime<Utc>) {
        let delay = scheduled.trigger.delay(at);
        if !delay.is_zero() {
            let passed = (self.ground.clock.now() - at).to_std().unwrap_or_default();
            self.ground.clock.sleep(delay.saturating_sub(passed)).await;
        }
    }

    /// Calls the component, and tells how that went.
    pub(super) async fn call(&self, scheduled: &Scheduled, at: DateTime<Utc>) -> ScheduleRun {
        let Scheduled { trigger, component, tally, .. } = scheduled;
        let started = Instant::now();
        let run = RequestId::next();
        let deadline = Some(started + component.identity.limits.deadline);
        let (trace, mut span) = self.ground.trace("cron");
        if let Some(span) = &mut span {
            span.set("wattle.request", run.to_string());
            span.set("wattle.app", self.app.to_string());
            span.set("wattle.component", trigger.component.to_string());
            span.set("wattle.schedule", trigger.schedule.to_string());
        }
        let invocation =
            Invocation { request: run, trigger: TriggerKind::Cron, deadline, trace, chain: Chain::default() };
        let outcome = call(&self.ground.cores, component, invocation, Main(scheduled.command_line(at))).await;
        let outcome = success(outcome);
        let (tick, run, took) = (Tick::of(&self.app, trigger, at), run.to_string(), started.elapsed());
        let mut ended = ScheduleRun {
            component: trigger.component.clone(),
            trigger: tick.trigger.clone(),
            run: run.clone(),
            at: Moment(at),
            took_ms: took.as_millis() as u64,
            failure: None,
        };
        let report = match outcome {
            Ok(()) => Report::CronRan { tick, run, took },
            Err(failed) => {
                if let Some(span) = &mut span {
                    span.fail("run-failed");
                }
                let (reason, failures) = (failed.to_string(), tally.failures.fetch_add(1, Ordering::Relaxed) + 1);
                ended.failure = Some(reason.clone());
                Report::CronFailed { tick, run, reason, failures }
            }
        };
        *tally.last.lock().expect("invariant: nothing panics while it holds this lock") = Some(ended.clone());
        self.ground.report(report);
        ended
    }
}
