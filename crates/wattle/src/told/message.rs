//! What happens to messages, as lines of the log.

use wattle_spec::message::{Attempt, MessageReport};

pub(super) fn log(report: MessageReport) {
    match report {
        MessageReport::Failed { attempt, reason, after } => {
            let Attempt { app, component, subject, number, run } = attempt;
            let after_ms = after.as_millis() as u64;
            tracing::warn!(
                %app, %component, %subject, attempt = number, run, after_ms,
                "message failed and will be tried again: {reason}"
            );
        }
        MessageReport::GivenUp { attempt, reason, dead_letter, given_up } => {
            let Attempt { app, component, subject, number, run } = attempt;
            let fate = match dead_letter {
                Some(dead_letter) => format!("and is moved to {dead_letter}"),
                None => "and is dropped".to_owned(),
            };
            tracing::error!(
                %app, %component, %subject, attempt = number, run, given_up,
                "message failed for the last time {fate}: {reason}"
            );
        }
        MessageReport::Unsettled { attempt, reason } => {
            let Attempt { app, component, subject, number, run } = attempt;
            tracing::warn!(%app, %component, %subject, attempt = number, run, "message will come again: {reason}");
        }
        MessageReport::Lost { app, trigger, reason, after } => {
            let after_ms = after.as_millis() as u64;
            tracing::warn!(%app, trigger, after_ms, "messages cannot be had now: {reason}");
        }
        MessageReport::Restored { app, trigger } => tracing::info!(%app, trigger, "messages can be had again"),
        MessageReport::Troubled { app, trigger, reason } => tracing::warn!(%app, trigger, "messages: {reason}"),
    }
}
