//! Whether a trigger hears of what it should: as long as one of its lanes does not, its app is not ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use wattle_spec::message::MessageTrigger;
use wattle_spec::name::AppId;

use crate::capability::messaging::BusLink;
use crate::readiness::{Readiness, Standing};

/// What the lanes of a trigger say of it.
pub(super) struct Hearing {
    standing: Standing,
    /// What its messages come from, as an operator knows it.
    backend: String,
    /// How many lanes hear nothing.
    deaf: Mutex<usize>,
    /// Whether the trigger hears elsewhere by now.
    is_past: AtomicBool,
}

/// A lane that hears nothing. It does again when this is dropped.
pub(super) struct Deaf(Arc<Hearing>);

impl Hearing {
    /// All lanes of `trigger` of `app` hear what comes through `link`, until one says otherwise.
    pub(super) fn of(trigger: &MessageTrigger, app: &AppId, link: &BusLink, readiness: &Readiness) -> Arc<Self> {
        let standing = readiness.have(app, format!("message trigger {trigger}"));
        let backend = format!("backend {}", link.facts.backend);
        Arc::new(Self { standing, backend, deaf: Mutex::default(), is_past: AtomicBool::new(false) })
    }

    /// A lane hears nothing, because of something that has a short name.
    pub(super) fn lose(self: &Arc<Self>, code: &str) -> Deaf {
        *self.deaf() += 1;
        let deaf = Deaf(self.clone());
        deaf.because_of(code);
        deaf
    }

    /// The trigger hears elsewhere: nobody waits for this any more.
    pub(super) fn pass(&self) {
        self.is_past.store(true, Ordering::Relaxed);
        self.standing.ready();
    }

    fn deaf(&self) -> MutexGuard<'_, usize> {
        self.deaf.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

impl Deaf {
    /// Why it hears nothing now.
    pub(super) fn because_of(&self, code: &str) {
        if !self.0.is_past.load(Ordering::Relaxed) {
            self.0.standing.not_ready(&format!("{}: {code}", self.0.backend));
        }
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        let mut deaf = self.0.deaf();
        *deaf -= 1;
        if *deaf == 0 {
            self.0.standing.ready();
        }
    }
}
