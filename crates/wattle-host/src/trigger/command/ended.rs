//! How a command ended.

use std::fmt;

use wasmtime::{Store, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::instance::{Guest, ReaderGone};

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It returned, or exited with this code; 0 is success. A code that no process can have became 255.
    Exit(u8),
    /// The export that was called returned, with this value in WAVE if it gives one.
    Value(Option<String>),
    /// It failed.
    Trap(Trap),
    /// It was still running at its deadline.
    Deadline,
    /// It wrote to a reader that is gone, which ends a program quietly.
    ReaderGone,
}

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

impl Ended {
    /// What an error says that ended the guest of `store`.
    pub(super) fn with(error: &wasmtime::Error, store: &Store<Guest>) -> Self {
        if error.is::<ReaderGone>() {
            return Ended::ReaderGone;
        }
        match error.downcast_ref() {
            Some(I32Exit(code)) => Ended::Exit(u8::try_from(*code).unwrap_or(u8::MAX)),
            None => Ended::Trap(Trap {
                reason: error.root_cause().to_string(),
                limit: store.data().limit_behind(error),
                backtrace: error.downcast_ref().map(calls).unwrap_or_default(),
            }),
        }
    }
}

/// The lines of `backtrace`, below its title.
fn calls(backtrace: &WasmBacktrace) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    backtrace.to_string().lines().skip(1).map(words).collect()
}
