//! Why a guest failed.

use std::fmt;

use wasmtime::{Store, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::instance::Guest;

/// Why a guest failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// What happened, in the engine's words.
    pub reason: String,
    /// The limit that it had hit.
    pub limit: Option<&'static str>,
    /// The calls that were under way, innermost first.
    pub backtrace: Vec<String>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.limit {
            Some(limit) => write!(f, " (it has hit its limit {limit})"),
            None => Ok(()),
        }
    }
}

impl Trap {
    /// What `error` says that ended the guest of `store`.
    pub(super) fn of(error: &wasmtime::Error, store: &Store<Guest>) -> Self {
        Self {
            reason: error.root_cause().to_string(),
            limit: store.data().limit_behind(error),
            backtrace: error.downcast_ref().map(calls).unwrap_or_default(),
        }
    }
}

/// The code that a guest exited with, if `error` says that it did. One that no process can have becomes 255.
pub(crate) fn exit_code(error: &wasmtime::Error) -> Option<u8> {
    let I32Exit(code) = error.downcast_ref()?;
    Some(u8::try_from(*code).unwrap_or(u8::MAX))
}

/// The lines of `backtrace`, below its title.
fn calls(backtrace: &WasmBacktrace) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    backtrace.to_string().lines().skip(1).map(words).collect()
}
