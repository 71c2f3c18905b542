//! One call of a component outside of HTTP: in an instance of its own, on the least loaded core, until it ends, its
//! deadline passes, or nobody waits for it any more.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::PoolConcurrencyLimitError;

use super::entry::Entry;
use super::trap::{Trap, exit_code};
use crate::component::Component;
use crate::cores::{CoreId, Cores};
use crate::instance::{ComputedTooLong, command_store};
use crate::invocation::Invocation;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// It returned.
    Returned(T),
    /// The guest exited with this code; 0 is success.
    Exited(u8),
    /// The guest failed.
    Trapped(Trap),
    /// It had not ended at its deadline.
    Deadline,
    /// There was no room for another instance.
    NoRoom,
    /// The host's own bug ended it, or the host is ending.
    Lost,
}

/// Calls `component` where `entry` says. When this is dropped, the guest ends at its next tick.
pub(crate) async fn call<E: Entry>(
    cores: &Cores,
    component: &Arc<Component>,
    invocation: Invocation,
    entry: E,
) -> Outcome<E::Value> {
    let (mut sender, outcome) = oneshot::channel();
    let component = component.clone();
    let task = |core| async move {
        let ended = tokio::select! {
            biased;
            () = sender.closed() => return,
            ended = on_core(&component, core, invocation, entry) => ended,
        };
        let _ = sender.send(ended);
    };
    cores.deal(task).await;
    outcome.await.unwrap_or(Outcome::Lost)
}

async fn on_core<E: Entry>(component: &Component, core: CoreId, invocation: Invocation, entry: E) -> Outcome<E::Value> {
    let Component { engine, identity, .. } = component;
    let mut store = command_store(engine, identity, core, &invocation, &entry.command_line());
    match invocation.within(entry.enter(component, &mut store)).await {
        Ok(Ok(value)) => Outcome::Returned(value),
        Ok(Err(error)) if error.is::<ComputedTooLong>() => Outcome::Deadline,
        Ok(Err(error)) if error.is::<PoolConcurrencyLimitError>() => Outcome::NoRoom,
        Ok(Err(error)) => exit_code(&error).map_or_else(|| Outcome::Trapped(Trap::of(&error, &store)), Outcome::Exited),
        Err(_) => Outcome::Deadline,
    }
}

impl Outcome<u8> {
    /// Whether a command did what it should, else how it ended.
    pub(crate) fn success(self) -> Result<(), Failed> {
        match self {
            Outcome::Returned(0) | Outcome::Exited(0) => Ok(()),
            other => Err(Failed(other)),
        }
    }
}

/// How a command ended that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed(Outcome<u8>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Outcome::Returned(code) | Outcome::Exited(code) => write!(f, "it ended with code {code}"),
            Outcome::Trapped(trap) => {
                trap.fmt(f)?;
                trap.backtrace.iter().try_for_each(|call| write!(f, "; at {call}"))
            }
            Outcome::Deadline => f.write_str("it had not ended at its deadline"),
            Outcome::NoRoom => f.write_str("there is no room for another instance"),
            Outcome::Lost => f.write_str("the host's own bug ended it"),
        }
    }
}
