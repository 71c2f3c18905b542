//! An app that is remembered, or is about to be, and whose turn it is to change it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::OwnedMutexGuard;
use wattle_artifact::folder::HeldFolder;
use wattle_spec::control::{AppState, Refusal};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use super::Daemon;
use super::desired::Record;

/// An app that is remembered, or is about to be.
pub(super) struct Deployed {
    /// Whose turn it is to change it.
    turn: Arc<tokio::sync::Mutex<()>>,
    now: Mutex<Now>,
}

/// How an app is now.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) state: AppState,
    /// Why it does not run, or why what was applied last does not.
    pub(super) reason: Option<String>,
    /// What is written down of it. `None`: nothing yet, or nothing any more.
    pub(super) record: Option<Record>,
    /// The folders that it serves: nobody removes them.
    pub(super) held: Arc<[HeldFolder]>,
    /// Whether it was forgotten: whoever comes to know it now knows another one.
    is_gone: bool,
}

/// While this is there, nobody else changes the app.
pub(super) struct Turn {
    pub(super) deployed: Arc<Deployed>,
    _turn: OwnedMutexGuard<()>,
}

impl Deployed {
    pub(super) fn new(state: AppState, record: Option<Record>) -> Self {
        let now = Now { state, reason: None, record, held: Arc::default(), is_gone: false };
        Self { turn: Arc::default(), now: Mutex::new(now) }
    }

    pub(super) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

impl Daemon {
    /// Waits for a turn of an app that is remembered.
    pub(super) async fn turn_of(&self, app: &AppId) -> Result<(Turn, Record), Refusal> {
        loop {
            let turn = taken(self.known(app)?).await;
            let (is_gone, record) = {
                let now = turn.deployed.now();
                (now.is_gone, now.record.clone())
            };
            match record {
                Some(record) => return Ok((turn, record)),
                // What was to be the first of it did not come to be.
                None if !is_gone => self.end_turn(app, turn),
                None => {}
            }
        }
    }

    /// Waits for a turn of an app, which may be about to be remembered.
    pub(super) async fn turn_of_any(&self, app: &AppId) -> Turn {
        loop {
            let deployed = {
                let new = || Arc::new(Deployed::new(AppState::Starting, None));
                self.apps().entry(app.clone()).or_insert_with(new).clone()
            };
            let turn = taken(deployed).await;
            if !turn.deployed.now().is_gone {
                return turn;
            }
        }
    }

    /// Ends a turn. An app of which nothing is written down is forgotten.
    pub(super) fn end_turn(&self, app: &AppId, turn: Turn) {
        let is_gone = {
            let mut now = turn.deployed.now();
            now.is_gone = now.record.is_none();
            now.is_gone
        };
        if is_gone {
            self.apps().remove(app);
            (self.tell)(Report::Removed { app: app.clone() });
        }
    }
}

async fn taken(deployed: Arc<Deployed>) -> Turn {
    let turn = deployed.turn.clone().lock_owned().await;
    Turn { deployed, _turn: turn }
}
