//! What everything needs that runs without being asked.

use std::sync::Arc;

use wattle_spec::report::Report;

use crate::clock::Clock;
use crate::cores::Cores;

/// Where reports go. It must not wait.
pub(crate) type Reports = Arc<dyn Fn(Report) + Send + Sync>;

/// What everything needs that runs without being asked.
pub(crate) struct Ground {
    pub(crate) cores: Arc<Cores>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reports: Reports,
}

impl Ground {
    pub(crate) fn report(&self, report: Report) {
        (self.reports)(report);
    }
}
