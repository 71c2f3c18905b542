//! An app that is remembered, or is about to be, and whose turn it is to change it.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{OwnedMutexGuard, watch};
use wattle_artifact::folder::HeldFolder;
use wattle_spec::control::{AppState, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use super::Daemon;
use super::desired::Record;

/// An app that is remembered, or is about to be.
pub(super) struct Deployed {
    /// Whose turn it is to change it.
    turn: Arc<tokio::sync::Mutex<()>>,
    now: Mutex<Now>,
    /// How often somebody had it stopped, or removed.
    stops: watch::Sender<u64>,
}

/// How an app is now.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) state: AppState,
    /// Why it does not run, or why what was applied last does not.
    pub(super) reason: Option<String>,
    /// What is written down of it. `None`: nothing yet, or nothing any more.
    pub(super) record: Option<Record>,
    /// Whether a version of it runs that is not written down.
    pub(super) is_unwritten: bool,
    /// The folders that it serves: nobody removes them.
    pub(super) held: Arc<[HeldFolder]>,
    /// Whether it was forgotten: whoever comes to know it now knows another one.
    is_gone: bool,
}

/// While this is there, nobody else changes the app.
pub(super) struct Turn {
    pub(super) deployed: Arc<Deployed>,
    /// How often it had been stopped when this was asked for.
    stops: u64,
    _turn: OwnedMutexGuard<()>,
}

impl Deployed {
    pub(super) fn new(state: AppState, record: Option<Record>) -> Self {
        let now = Now { state, reason: None, record, is_unwritten: false, held: Arc::default(), is_gone: false };
        Self { turn: Arc::default(), now: Mutex::new(now), stops: watch::Sender::default() }
    }

    /// Somebody stops it: whoever was to start or to update it, and has not begun, gives that up.
    pub(super) fn give_up(&self) {
        self.stops.send_modify(|stops| *stops += 1);
    }

    pub(super) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

impl Turn {
    /// Waits until somebody stops `app`, which may have been since this turn was asked for.
    async fn ends(&self) {
        let mut stops = self.deployed.stops.subscribe();
        // The sender is there as long as this is.
        let _ = stops.wait_for(|stops| *stops != self.stops).await;
    }

    /// Waits for what is needed to start or update `app`.
    ///
    /// # Errors
    ///
    /// If somebody had it stopped since this turn was asked for.
    pub(super) async fn unless_stopped<T>(&self, app: &AppId, needed: impl Future<Output = T>) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            () = self.ends() => {
                let message = format!("the app `{app}` was stopped meanwhile");
                Err(Refusal::new(RefusalCode::AppStopped, message).hint("ask for it again if it is to run"))
            }
            needed = needed => Ok(needed),
        }
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
    ///
    /// # Errors
    ///
    /// If somebody had it stopped meanwhile.
    pub(super) async fn turn_of_any(&self, app: &AppId) -> Result<Turn, Refusal> {
        loop {
            let deployed = {
                let new = || Arc::new(Deployed::new(AppState::Starting, None));
                self.apps().entry(app.clone()).or_insert_with(new).clone()
            };
            let turn = taken(deployed).await;
            turn.unless_stopped(app, ready(())).await?;
            if !turn.deployed.now().is_gone {
                return Ok(turn);
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
    let stops = *deployed.stops.borrow();
    let turn = deployed.turn.clone().lock_owned().await;
    Turn { deployed, stops, _turn: turn }
}
