//! What can be asked of schedules: how they are, and a run now.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use wattle_spec::control::{Moment, Refusal, RefusalCode, ScheduleRun, ScheduleStatus};

use super::Crons;
use super::run::{Place, Scheduled};

/// Runs that somebody asked for and that nobody has begun yet.
const ASKED_MAX: usize = 16;

/// A run that somebody asks for.
pub(crate) struct Asked {
    scheduled: Arc<Scheduled>,
    outcome: oneshot::Sender<Result<ScheduleRun, Refusal>>,
}

/// Where runs are asked for, and where whoever keeps the schedules finds them.
pub(super) fn desk() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    mpsc::channel(ASKED_MAX)
}

impl Crons {
    /// How the schedules are, in the order of the manifest.
    pub(crate) fn status(&self) -> Vec<ScheduleStatus> {
        let now = self.ground.clock.now();
        let of_one = |scheduled: &Arc<Scheduled>| {
            let trigger = &scheduled.trigger;
            ScheduleStatus {
                component: trigger.component.clone(),
                schedule: trigger.schedule.to_string(),
                timezone: trigger.zone.to_string(),
                trigger: trigger.to_string(),
                next: trigger.next_after(now).map(Moment),
                running: scheduled.under_way(),
                failures: scheduled.failures(),
                last: scheduled.last(),
            }
        };
        self.triggers.iter().map(of_one).collect()
    }

    /// Runs the schedule `wanted` (a trigger, or a component that has one schedule) now, and waits for its end. It goes on if
    /// this is dropped.
    pub(crate) async fn run_now(&self, wanted: &str) -> Result<ScheduleRun, Refusal> {
        let (outcome, ended) = oneshot::channel();
        let asked = Asked { scheduled: self.find(wanted)?, outcome };
        let stopping = || Refusal::new(RefusalCode::Stopping, format!("the app `{}` is ending", self.app));
        self.asked.try_send(asked).map_err(|error| match error {
            mpsc::error::TrySendError::Full(asked) => asked.scheduled.overlap(),
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })?;
        ended.await.unwrap_or_else(|_| Err(stopping()))
    }

    fn find(&self, wanted: &str) -> Result<Arc<Scheduled>, Refusal> {
        if let Some(found) = self.triggers.iter().find(|scheduled| scheduled.trigger.to_string() == wanted) {
            return Ok(found.clone());
        }
        let mut of_component = self.triggers.iter().filter(|scheduled| scheduled.trigger.component.as_str() == wanted);
        match (of_component.next(), of_component.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) => {
                let known: Vec<_> = self.triggers.iter().map(|scheduled| scheduled.trigger.to_string()).collect();
                Err(Refusal::no_schedule(&self.app, wanted, &known))
            }
            (Some(first), Some(_)) => {
                let message = format!("the component `{wanted}` of the app `{}` has several schedules", self.app);
                let hint = format!("name one of them, as in '{}'", first.trigger);
                Err(Refusal::new(RefusalCode::AmbiguousSchedule, message).hint(hint))
            }
        }
    }

    /// A place for a run that somebody asked for; who asked is told if there is none.
    pub(super) fn admit(&self, asked: Asked) -> Option<(Asked, Place)> {
        match asked.scheduled.place(self.runs.backlog) {
            Some(place) => Some((asked, place)),
            None => {
                let refusal = asked.scheduled.overlap();
                let _ = asked.outcome.send(Err(refusal));
                None
            }
        }
    }

    /// Runs what somebody asked for when its turn has come, unless `stop` comes before. No tick is claimed for it.
    pub(super) async fn run_asked(self: Arc<Self>, asked: Asked, _place: Place, mut stop: watch::Receiver<bool>) {
        let Asked { scheduled, outcome } = asked;
        let held = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            held = self.turn(&scheduled, None) => held,
        };
        let Some(held) = held else { return };
        let _held = held.until_the_end_of(&scheduled);
        let run = self.call(&scheduled, self.ground.clock.now()).await;
        let _ = outcome.send(Ok(run));
    }
}

impl Scheduled {
    fn overlap(&self) -> Refusal {
        let message = format!("`{}` does not run now: earlier runs have not ended", self.trigger);
        Refusal::new(RefusalCode::Overlap, message)
            .hint("wait for them, or let them overlap with `overlap = \"queue\"`")
    }
}
