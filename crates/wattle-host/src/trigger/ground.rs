//! What everything needs that runs without being asked.

use std::sync::Arc;

use wattle_backend::bus::Message;
use wattle_spec::report::Report;

use crate::clock::Clock;
use crate::cores::Cores;
use crate::readiness::Readiness;
use crate::telemetry::{Span, Trace, Tracer};

/// Where reports go. It must not wait.
pub(crate) type Reports = Arc<dyn Fn(Report) + Send + Sync>;

/// What everything needs that runs without being asked.
pub(crate) struct Ground {
    pub(crate) cores: Arc<Cores>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reports: Reports,
    /// Whether apps are ready.
    pub(crate) readiness: Readiness,
    /// `None`: no traces.
    pub(crate) tracer: Option<Arc<Tracer>>,
}

impl Ground {
    /// Begins the trace of a run, with a span called `name`, as far as somebody is told.
    pub(crate) fn trace(&self, name: &'static str) -> (Option<Trace>, Option<Span>) {
        let begun = self.tracer.as_ref().map(|tracer| tracer.begin_run(name));
        begun.map_or((None, None), |(trace, span)| (Some(trace), span))
    }

    /// The same for the handling of a message, in the trace of whoever published it.
    pub(crate) fn trace_message(&self, message: &Message) -> (Option<Trace>, Option<Span>) {
        let begun = self.tracer.as_ref().map(|tracer| tracer.begin_message(&message.headers));
        begun.map_or((None, None), |(trace, span)| (Some(trace), span))
    }

    pub(crate) fn report(&self, report: Report) {
        (self.reports)(report);
    }
}
