//! How a command ended.

use wasmtime::Store;

use crate::instance::{Guest, ReaderGone};
use crate::trigger::trap::{Trap, exit_code};

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

impl Ended {
    /// What an error says that ended the guest of `store`.
    pub(super) fn with(error: &wasmtime::Error, store: &Store<Guest>) -> Self {
        if error.is::<ReaderGone>() {
            return Ended::ReaderGone;
        }
        exit_code(error).map_or_else(|| Ended::Trap(Trap::of(error, store)), Ended::Exit)
    }
}
