//! Calls of a component by others of its app: counted while they are under way, and by how they ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::metrics::Series;
use super::shard::add;
use crate::cores::CoreId;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// The callee returned, whatever its value says.
    Returned,
    /// It exited.
    Exited,
    /// It failed.
    Trapped,
    /// It had not ended at its deadline, or when its caller must go on.
    Deadline,
    /// Its turn did not come.
    Busy,
    /// There was no room for it, or for what it holds.
    NoRoom,
    /// The service ended, or was not running.
    NotRunning,
    /// The host's own bug ended it.
    Lost,
    /// Its caller ended first.
    Cut,
}

impl CallEnd {
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Returned,
        Self::Exited,
        Self::Trapped,
        Self::Deadline,
        Self::Busy,
        Self::NoRoom,
        Self::NotRunning,
        Self::Lost,
        Self::Cut,
    ];
    pub(super) const COUNT: usize = 9;

    pub(super) fn as_str(self) -> &'static str {
        match self {
            CallEnd::Returned => "returned",
            CallEnd::Exited => "exited",
            CallEnd::Trapped => "trapped",
            CallEnd::Deadline => "deadline",
            CallEnd::Busy => "busy",
            CallEnd::NoRoom => "no-room",
            CallEnd::NotRunning => "not-running",
            CallEnd::Lost => "lost",
            CallEnd::Cut => "cut",
        }
    }
}

/// A call under way. It was cut if nobody says how it ended.
pub(crate) struct Called {
    /// `None`: nobody asked.
    series: Option<Arc<Series>>,
    core: CoreId,
    end: CallEnd,
}

impl Called {
    /// Somebody on `core` calls the component with these numbers.
    pub(crate) fn begin(series: Option<&Arc<Series>>, core: CoreId) -> Self {
        if let Some(series) = series {
            series.on(core).calls_in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Self { series: series.cloned(), core, end: CallEnd::Cut }
    }

    /// It has ended like this.
    pub(crate) fn ended(mut self, end: CallEnd) {
        self.end = end;
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        if let Some(series) = &self.series {
            let shard = series.on(self.core);
            shard.calls_in_flight.fetch_sub(1, Ordering::Relaxed);
            add(&shard.calls[self.end as usize]);
        }
    }
}
