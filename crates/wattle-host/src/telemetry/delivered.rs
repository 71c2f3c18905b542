//! Messages that a component is called with: counted while they are under way, and by what became of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::metrics::Series;
use super::shard::add;
use crate::cores::CoreId;

/// What became of a message, each time that it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was handled.
    Acknowledged,
    /// It was not, and comes again.
    Retried,
    /// It was not handled the last time either, and was moved to the dead letters.
    DeadLettered,
    /// The same without a place for dead letters.
    Dropped,
    /// Its backend could not be told, and may deliver it again.
    Unsettled,
    /// The host ended first, and gave it back.
    Cut,
}

impl Fate {
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Acknowledged, Self::Retried, Self::DeadLettered, Self::Dropped, Self::Unsettled, Self::Cut];
    pub(super) const COUNT: usize = 6;

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Fate::Acknowledged => "acknowledged",
            Fate::Retried => "retried",
            Fate::DeadLettered => "dead-lettered",
            Fate::Dropped => "dropped",
            Fate::Unsettled => "unsettled",
            Fate::Cut => "cut",
        }
    }
}

/// A message under way. It was cut if nobody says what became of it.
pub(crate) struct Delivered {
    /// `None`: nobody asked.
    series: Option<Arc<Series>>,
    core: CoreId,
    fate: Fate,
}

impl Delivered {
    /// A message has come to `core`, for the component with these numbers.
    pub(crate) fn begin(series: Option<&Arc<Series>>, core: CoreId) -> Self {
        if let Some(series) = series {
            series.on(core).messages_in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Self { series: series.cloned(), core, fate: Fate::Cut }
    }

    /// This became of it.
    pub(crate) fn became(mut self, fate: Fate) {
        self.fate = fate;
    }
}

impl Drop for Delivered {
    fn drop(&mut self) {
        if let Some(series) = &self.series {
            let shard = series.on(self.core);
            shard.messages_in_flight.fetch_sub(1, Ordering::Relaxed);
            add(&shard.messages[self.fate as usize]);
        }
    }
}
