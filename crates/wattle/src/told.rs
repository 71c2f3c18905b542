//! What the host reports, for whoever follows it, and as lines of the log: at most a number of runs of schedules, and of messages, each second.

pub(crate) mod defaults;
mod message;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::Utc;
use wattle_spec::control::{ActionProgress, AppState, Event, ListenerAdded, Moment};

use wattle_spec::message::MessageReport;
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::report::Report;

use crate::ring::{Ring, Said};

/// Runs of schedules that are told in a second, as many that failed or were skipped, as many messages that were not handled
/// and as many that failed for the last time; the others are counted.
const PER_SECOND: u32 = 10;

/// What a report counts for among those that are kept, beside a reason or a source.
const EVENT_BYTES: usize = 1 << 10;

/// What has been told in the second that began then.
struct Second {
    began: Instant,
    told: u32,
    untold: u64,
}

/// Who is told what happens.
pub(crate) type Teller = Arc<dyn Fn(Report) + Send + Sync>;

/// Tells the log, and whoever reads `events`.
pub(crate) fn teller(events: Arc<Ring<Event>>) -> Teller {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let boot = format!("{:x}-{:x}", Utc::now().timestamp_micros(), std::process::id());
    let log = to_the_log();
    Arc::new(move |report| {
        let (time, host, boot) = (Moment(Utc::now()), host.clone(), boot.clone());
        events.push(Event { number: 0, time, host, boot, report: report.clone() });
        log(report);
    })
}

impl Said for Event {
    const EVENT: &'static str = "report";

    fn number(&mut self) -> &mut u64 {
        &mut self.number
    }

    fn size(&self) -> usize {
        let text = match &self.report {
            Report::State { reason: Some(reason), .. } => reason.len(),
            Report::Progress(ActionProgress { source: Some(source), .. }) => source.len(),
            _ => 0,
        };
        EVENT_BYTES + text
    }

    fn app(&self) -> Option<&AppId> {
        self.report.app()
    }

    fn component(&self) -> Option<&ComponentName> {
        None
    }
}

/// What writes reports to the log.
fn to_the_log() -> impl Fn(Report) + Send + Sync {
    let second = || Mutex::new(Second { began: Instant::now(), told: 0, untold: 0 });
    let [well, badly, messages, given_up, states] = std::array::from_fn(|_| second());
    move |report| {
        let (second, what) = match report {
            Report::CronRan { .. } => (Some(&well), "runs of schedules"),
            Report::CronFailed { .. } | Report::CronSkipped { .. } => (Some(&badly), "runs of schedules"),
            Report::Message(MessageReport::GivenUp { .. }) => {
                (Some(&given_up), "messages that failed for the last time")
            }
            Report::State { reason: None, .. } => (Some(&states), "states of apps"),
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
        Report::State { app, state: AppState::Failed, generation, reason } => {
            tracing::error!(%app, generation, "the app does not run: {}", reason.unwrap_or_default());
        }
        Report::State { app, state, generation, reason: Some(reason) } => {
            tracing::warn!(%app, generation, "the app is {state} as before: {reason}");
        }
        Report::State { app, state, generation, reason: None } => {
            tracing::info!(%app, generation, "the app is {state}");
        }
        Report::Removed { app } => tracing::info!(%app, "the app is forgotten"),
        Report::ListenerAdded(ListenerAdded { url, .. }) => tracing::info!("serves on {url} from now on"),
        Report::ListenerRemoved { url, .. } => tracing::info!("serves on {url} no more: requests under way may end"),
        Report::ListenerEnded { url, cut: 0 } => tracing::debug!("all connections of {url} have ended"),
        Report::ListenerEnded { url, cut } => {
            tracing::warn!(cut, "connections of {url} had not ended within the limit `drain` and were cut");
        }
        // What comes of it is told, and what was compiled; who migrated something logged it.
        Report::Progress(_) | Report::Migrated { .. } | Report::Unknown => {}
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
