//! One call of a component outside of HTTP: in an instance of its own, on the least loaded core, until it ends, its
//! deadline passes, or nobody waits for it any more.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use wasmtime::{PoolConcurrencyLimitError, Store};

use super::entry::Entry;
use super::trap::{Trap, exit_code};
use crate::component::Component;
use crate::cores::{CoreId, Cores};
use crate::instance::{ComputedTooLong, Guest, command_store};
use crate::invocation::Invocation;
use crate::telemetry::Metered;

/// How a call ended that did not return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The guest exited with this code.
    Exited(u8),
    /// The guest failed.
    Trapped(Trap),
    /// It had not ended at its deadline.
    Deadline,
    /// There was no room for another instance.
    NoRoom,
    /// Others called it first.
    Busy(Busy),
    /// As many calls are under way as this limit of somebody's says.
    Full { limit: &'static str, whose: &'static str },
    /// The calls of its caller hold too much already.
    TooMuch,
    /// It was asked of a service that had not been started again in time.
    NotStarted,
    /// It was asked of a service, which ended before it answered.
    NotRunning,
    /// It was asked of a service that has ended and is not started again.
    Over,
    /// The host's own bug ended it, or the host is ending.
    Lost,
}

/// Why the turn of a call had not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// As many are under way as this limit says.
    Places(&'static str),
    /// It answers one at a time.
    One,
    /// It has places, but computes for another call and takes none.
    Computes,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Busy::Places(limit) => write!(f, "it is busy with other calls (limit {limit})"),
            Busy::One => f.write_str("it answers one call at a time"),
            Busy::Computes => f.write_str("it computes for another call and takes none meanwhile"),
        }
    }
}

/// Calls `component` where `entry` says. When this is dropped, the guest ends at its next tick.
pub(crate) async fn call<E: Entry>(
    cores: &Cores,
    component: &Arc<Component>,
    invocation: Invocation,
    entry: E,
) -> Result<E::Value, Failed> {
    call_until(cores, component, invocation, entry, pending()).await.unwrap_or(Err(Failed::Lost))
}

/// The same, unless `stop` comes first (`None`): then the guest is gone, with all that it held.
pub(crate) async fn call_until<E: Entry>(
    cores: &Cores,
    component: &Arc<Component>,
    invocation: Invocation,
    entry: E,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Option<Result<E::Value, Failed>> {
    let (mut sender, outcome) = oneshot::channel();
    let component = component.clone();
    let task = |core| async move {
        let called = on_core(&component, core, invocation, entry);
        let called = Metered::new(component.identity.series.as_ref(), core, called);
        let ended = tokio::select! {
            biased;
            () = sender.closed() => return,
            () = stop => None,
            ended = called => Some(ended),
        };
        let _ = sender.send(ended);
    };
    cores.deal(task).await;
    outcome.await.unwrap_or(Some(Err(Failed::Lost)))
}

async fn on_core<E: Entry>(
    component: &Component,
    core: CoreId,
    invocation: Invocation,
    entry: E,
) -> Result<E::Value, Failed> {
    let mut store = command_store(component, core, &invocation, &entry.command_line());
    let ended = invocation.within(entry.enter(component, &mut store)).await;
    outcome(ended, &store)
}

/// What a call in `store` gave, or how it ended.
pub(crate) fn outcome<T>(ended: Result<wasmtime::Result<T>, Elapsed>, store: &Store<Guest>) -> Result<T, Failed> {
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is::<ComputedTooLong>() => Err(Failed::Deadline),
        Ok(Err(error)) if error.is::<PoolConcurrencyLimitError>() => Err(Failed::NoRoom),
        Ok(Err(error)) => {
            Err(exit_code(&error).map_or_else(|| Failed::Trapped(Trap::of(&error, store)), Failed::Exited))
        }
        Err(_) => Err(Failed::Deadline),
    }
}

/// Whether a command did what it should: it ended with the code 0.
pub(super) fn success(ended: Result<u8, Failed>) -> Result<(), Failed> {
    match ended {
        Ok(0) | Err(Failed::Exited(0)) => Ok(()),
        Ok(code) => Err(Failed::Exited(code)),
        Err(failed) => Err(failed),
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Exited(code) => write!(f, "it ended with code {code}"),
            Failed::Trapped(trap) => {
                trap.fmt(f)?;
                trap.backtrace.iter().try_for_each(|call| write!(f, "; at {call}"))
            }
            Failed::Deadline => f.write_str("it had not ended at its deadline"),
            Failed::NoRoom => f.write_str("there is no room for another instance"),
            Failed::Busy(busy) => write!(f, "its turn had not come in time, {busy}"),
            Failed::Full { limit, whose } => {
                write!(f, "as many calls are under way as the limit {limit} of {whose} lets be")
            }
            Failed::TooMuch => f.write_str("its caller's calls under way hold more than the limit host-call-bytes"),
            Failed::NotStarted => f.write_str("the service was not running, and had not been started again in time"),
            Failed::NotRunning => f.write_str("the service ended before it answered"),
            Failed::Over => f.write_str("the service has ended and is not started again (`wattle ps` says why)"),
            Failed::Lost => f.write_str("the host's own bug ended it"),
        }
    }
}
