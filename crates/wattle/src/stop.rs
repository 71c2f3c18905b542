//! The signals that ask a verb for an end: Control-C and what a supervisor sends.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::problem::Problem;

/// The signals that ask for an end. From when it is installed, they end nothing by themselves.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn install() -> Result<Self, Problem> {
        let install = |kind| signal(kind).map_err(|source| Problem::System { operation: "wait for signals", source });
        Ok(Self { interrupt: install(SignalKind::interrupt())?, terminate: install(SignalKind::terminate())? })
    }

    /// Waits for one of them. Cancel safe.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A runtime of this thread, for what waits beside signals.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Problem::System { operation: "start a runtime", source })
}
