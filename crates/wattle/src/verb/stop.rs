//! The signals that ask for an end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::problem::{Exit, Problem};

/// Waits for the signals.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on they do not end the process by themselves.
    pub(super) fn install() -> Result<Self, Problem> {
        let install = |kind| signal(kind).map_err(|source| Problem::System { operation: "wait for signals", source });
        Ok(Self { interrupt: install(SignalKind::interrupt())?, terminate: install(SignalKind::terminate())? })
    }

    /// Waits for one of them. How a command ends with it.
    pub(super) async fn asked(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
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
