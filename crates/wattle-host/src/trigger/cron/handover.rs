//! From one version of an app to the next: up to when ticks have been decided about, and those that wait for their turn.
//! So an update loses no tick, and runs none twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::Crons;
use super::run::{Place, Scheduled};

/// What a later version goes on with.
#[derive(Default)]
pub(super) struct Handover {
    state: Mutex<State>,
    is_ready: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// When the clock was last looked at.
    looked: Option<DateTime<Utc>>,
    /// Ticks that are decided and have not begun, by the number of their trigger.
    waiting: BTreeMap<(usize, DateTime<Utc>), Place>,
}

/// A tick that has not begun, with its place.
pub(super) struct Ticket {
    /// As it is told.
    pub(super) trigger: String,
    pub(super) tick: DateTime<Utc>,
    pub(super) place: Place,
}

/// What an earlier version has left.
#[derive(Default)]
pub(super) struct Handed {
    looked: Option<DateTime<Utc>>,
    triggers: BTreeSet<String>,
    pub(super) waiting: Vec<Ticket>,
}

/// Hands over when it is dropped, whatever it ends.
pub(super) struct AtEnd<'a>(&'a Handover);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.is_ready.send_replace(true);
    }
}

impl Handover {
    /// From the end of what is returned on nothing more begins.
    pub(super) fn at_end(&self) -> AtEnd<'_> {
        AtEnd(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole at every point where a panic could come.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All ticks up to `now` are decided about.
    pub(super) fn looked(&self, now: DateTime<Utc>) {
        self.state().looked = Some(now);
    }

    /// A tick has a `place` and waits for its turn.
    pub(super) fn wait(&self, tick: DateTime<Utc>, scheduled: &Scheduled, place: Place) {
        self.state().waiting.insert((scheduled.number, tick), place);
    }

    /// It begins. `None`: others have it.
    pub(super) fn begin(&self, tick: DateTime<Utc>, scheduled: &Scheduled) -> Option<Place> {
        let mut state = self.state();
        if *self.is_ready.borrow() {
            return None;
        }
        state.waiting.remove(&(scheduled.number, tick))
    }

    /// What is left when `crons`, whose it is, begin nothing more.
    pub(super) async fn taken(&self, crons: &Crons) -> Handed {
        // The sender is there as long as this is.
        let _ = self.is_ready.subscribe().wait_for(|is_ready| *is_ready).await;
        let State { looked, waiting } = std::mem::take(&mut *self.state());
        let ticket = |((number, tick), place): ((usize, _), _)| {
            let trigger = crons.triggers.get(number)?.trigger.to_string();
            Some(Ticket { trigger, tick, place })
        };
        let waiting = waiting.into_iter().filter_map(ticket).collect();
        Handed { looked, triggers: crons.numbers.keys().cloned().collect(), waiting }
    }
}

impl Handed {
    /// Up to when ticks of `scheduled` have been decided about. `None`: it is new.
    pub(super) fn looked_at(&self, scheduled: &Scheduled) -> Option<DateTime<Utc>> {
        self.looked.filter(|_| self.triggers.contains(&scheduled.trigger.to_string()))
    }
}
