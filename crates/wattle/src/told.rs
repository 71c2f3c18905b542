//! What the host reports, as lines of the log: at most a number of runs of schedules, and of messages, each second.

pub(crate) mod defaults;
mod message;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use wattle_spec::message::MessageReport;
use wattle_spec::report::Report;

/// Runs of schedules that are told in a second, as many that failed or were skipped, as many messages that were not handled
/// and as many that failed for the last time; the others are counted.
const PER_SECOND: u32 = 10;

/// What has been told in the second that began then.
struct Second {
    began: Instant,
    told: u32,
    untold: u64,
}

/// What writes reports to the log.
pub(crate) fn to_the_log() -> impl Fn(Report) + Send + Sync {
    let second = || Mutex::new(Second { began: Instant::now(), told: 0, untold: 0 });
    let (well, badly, messages, given_up) = (second(), second(), second(), second());
    move |report| {
        let (second, what) = match report {
            Report::CronRan { .. } => (Some(&well), "runs of schedules"),
            Report::CronFailed { .. } | Report::CronSkipped { .. } => (Some(&badly), "runs of schedules"),
            Report::Message(MessageReport::GivenUp { .. }) => {
                (Some(&given_up), "messages that failed for the last time")
            }
            Report::Message(_) => (Some(&messages), "messages that were not handled"),
            _ => (None, ""),
        };
        let room =
            |second: &Mutex<Second>| second.lock().expect("invariant: nothing panics while it holds this lock").room();
        match second.map_or(Some(0), room) {
            None => return,
            Some(0) => {}
            Some(untold) => tracing::info!(untold, "more {what} than the log takes"),
        }
        log(report);
    }
}

impl Second {
    /// Whether there is room for one more, and how many were not told since the last that had room.
    fn room(&mut self) -> Option<u64> {
        if self.began.elapsed() >= Duration::from_secs(1) {
            (self.began, self.told) = (Instant::now(), 0);
        }
        if self.told == PER_SECOND {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

fn log(report: Report) {
    match report {
        Report::ServiceStarted { app, service, run } => {
            tracing::info!(%app, %service, run, "service started");
        }
        Report::ServiceRestarting { app, service, reason, after, ends } => {
            let after_ms = after.as_millis() as u64;
            tracing::warn!(%app, %service, after_ms, ends, "service ended and will be started again: {reason}");
        }
        Report::ServiceFailed { app, service, reason } => {
            tracing::error!(%app, %service, "service failed, the app goes on without it: {reason}");
        }
        Report::ServiceCompleted { app, service } => tracing::info!(%app, %service, "service completed"),
        Report::CronRan { tick, run, took } => {
            tracing::info!(%tick, run, ms = took.as_millis() as u64, "schedule ran");
        }
        Report::CronFailed { tick, run, reason, failures } => {
            tracing::warn!(%tick, run, failures, "schedule failed: {reason}");
        }
        Report::CronSkipped { tick, reason } => tracing::warn!(%tick, "schedule skipped: {reason}"),
        Report::CronWaits { app, until } => {
            let until = until.format("%FT%TZ");
            tracing::warn!(%app, %until, "the clock was set back: schedules wait until it is where it was");
        }
        Report::HandleEnded { app, component, import, backend } => tracing::warn!(
            %app, %component, import, %backend,
            "the link was led elsewhere and its time is over: what was opened through it before fails"
        ),
        Report::Message(report) => message::log(report),
    }
}
