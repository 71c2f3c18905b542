//! What an app or one of its components has done, does lately, and takes: what is told of it to whoever asks how it is.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use wattle_spec::control::{Instances, Rates, Requests};

use super::Series;

/// What several have counted together. `None`: nobody counts.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    pub(crate) requests: Option<Requests>,
    pub(crate) rates: Option<Rates>,
    pub(crate) instances: Option<Instances>,
}

impl Usage {
    /// Of all that is counted in `series`, each of them once, until `now`.
    pub(crate) fn of<'a>(series: impl IntoIterator<Item = &'a Arc<Series>>, now: Instant) -> Self {
        let (mut requests, mut change, mut instances) = (None, None, None);
        for series in series.into_iter().filter(|series| series.is_of_one()) {
            add(&mut requests, series.requests());
            add(&mut change, series.change(now));
            // Folders have none.
            if series.component.is_some() {
                add(&mut instances, series.instances());
            }
        }
        Self { requests, rates: change.map(|change| change.rates()), instances }
    }
}

fn add<T: AddAssign>(all: &mut Option<T>, more: T) {
    match all {
        Some(all) => *all += more,
        None => *all = Some(more),
    }
}
