//! Whether a trigger hears of what it should: as long as one of its lanes does not, its app is not ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use wattle_spec::message::MessageTrigger;
use wattle_spec::name::AppId;

use crate::capability::messaging::BusLink;
use crate::readiness::{Readiness, Standing};

/// What the lanes of a trigger say of it.
pub(super) struct Hearing {
    readiness: Readiness,
    app: AppId,
    /// What it is called among the parts of its app.
    part: String,
    /// What its messages come from, as an operator knows it.
    backend: String,
    state: Mutex<State>,
    /// Whether the trigger hears elsewhere by now.
    is_past: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What everybody is told. `None`: the trigger does not count yet.
    standing: Option<Standing>,
    /// How many lanes hear nothing.
    deaf: usize,
    /// Why, if any.
    reason: Option<String>,
    /// For what of it that was told last: the lanes notice it each for itself, and again with each attempt.
    told: Option<&'static str>,
}

/// A lane that hears nothing. It does again when this is dropped.
pub(super) struct Deaf {
    hearing: Arc<Hearing>,
    is_over: bool,
}

impl Hearing {
    /// All lanes of `trigger` of `app` hear what comes through `link`, until one says otherwise. Nobody is told of it yet.
    pub(super) fn of(trigger: &MessageTrigger, app: &AppId, link: &BusLink, readiness: &Readiness) -> Arc<Self> {
        Arc::new(Self {
            readiness: readiness.clone(),
            app: app.clone(),
            part: format!("message trigger {trigger}"),
            backend: format!("backend {}", link.facts.backend),
            state: Mutex::default(),
            is_past: AtomicBool::new(false),
        })
    }

    /// From now on its app is ready only if it hears.
    pub(super) fn count(&self) {
        let mut state = self.state();
        let standing = self.readiness.have(&self.app, &self.part);
        if let Some(reason) = &state.reason {
            standing.not_ready(reason);
        }
        state.standing = Some(standing);
    }

    /// A lane hears nothing, because of something that has a short name.
    pub(super) fn lose(self: &Arc<Self>, code: &str) -> Deaf {
        self.state().deaf += 1;
        let deaf = Deaf { hearing: self.clone(), is_over: false };
        deaf.because_of(code);
        deaf
    }

    /// The trigger hears elsewhere: nobody waits for this any more.
    pub(super) fn pass(&self) {
        self.is_past.store(true, Ordering::Relaxed);
        self.state().hears();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

impl State {
    fn hears(&mut self) {
        self.reason = None;
        self.standing.iter().for_each(Standing::ready);
    }
}

impl Deaf {
    /// Whether nobody was told yet that a lane hears nothing because of `code`.
    pub(super) fn is_news(&self, code: &'static str) -> bool {
        self.hearing.state().told.replace(code) != Some(code)
    }

    /// The lane hears again. Whether that is news: all lanes do, and it was told that one did not.
    pub(super) fn ends_as_news(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        let mut state = self.hearing.state();
        if std::mem::replace(&mut self.is_over, true) {
            return false;
        }
        state.deaf -= 1;
        if state.deaf > 0 {
            return false;
        }
        state.hears();
        state.told.take().is_some()
    }

    /// Why it hears nothing now.
    pub(super) fn because_of(&self, code: &str) {
        if self.hearing.is_past.load(Ordering::Relaxed) {
            return;
        }
        let (mut state, reason) = (self.hearing.state(), format!("{}: {code}", self.hearing.backend));
        state.standing.iter().for_each(|standing| standing.not_ready(&reason));
        state.reason = Some(reason);
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.end();
    }
}
