//! For tests: makes the disk fail when a test says so.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use super::state_file::FileOperation;

/// A switch that a test holds and the state file asks. A clone is the same switch.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Switch>>);

#[derive(Debug, Default)]
struct Switch {
    armed: Option<Armed>,
    asked: HashMap<FileOperation, u64>,
    failed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Armed {
    operation: FileOperation,
    /// How many of these still succeed.
    spared: u64,
    /// The number of the system's error.
    errno: i32,
}

impl Faults {
    /// From now on lets `spared` operations of this kind succeed and then fails all with the error `errno`.
    pub fn fail(&self, operation: FileOperation, spared: u64, errno: i32) {
        self.lock().armed = Some(Armed { operation, spared, errno });
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        self.lock().armed = None;
    }

    /// How many operations of this kind there were so far.
    pub fn count(&self, operation: FileOperation) -> u64 {
        self.lock().asked.get(&operation).copied().unwrap_or_default()
    }

    /// How many operations were made to fail so far.
    pub fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// Fails if the test said so.
    pub(super) fn before(&self, operation: FileOperation) -> io::Result<()> {
        let mut switch = self.lock();
        *switch.asked.entry(operation).or_default() += 1;
        let Some(armed) = switch.armed.as_mut().filter(|armed| armed.operation == operation) else { return Ok(()) };
        if armed.spared > 0 {
            armed.spared -= 1;
            return Ok(());
        }
        let errno = armed.errno;
        switch.failed += 1;
        Err(io::Error::from_raw_os_error(errno))
    }

    fn lock(&self) -> MutexGuard<'_, Switch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
