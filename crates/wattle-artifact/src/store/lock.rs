//! Locks between processes (`flock`), waited for with a deadline.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How often a lock that somebody else holds is asked for.
const STEP: Duration = Duration::from_millis(5);

/// Who else may have the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Others of this kind.
    Shared,
    /// Nobody.
    Alone,
}

/// A file that is locked until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Locks `file`. `None`: somebody else had it locked for all of `patience`.
    pub(crate) fn wait(file: File, kind: Kind, patience: Duration) -> io::Result<Option<Self>> {
        let began = Instant::now();
        loop {
            let tried = match kind {
                Kind::Shared => file.try_lock_shared(),
                Kind::Alone => file.try_lock(),
            };
            match tried {
                Ok(()) => return Ok(Some(Self(file))),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if began.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(STEP.min(patience)),
            }
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file would do, were it not for a child that another thread is just starting: until it executes
        // its program it has our files open too. If this fails, closing is what is left.
        let _ = self.0.unlock();
    }
}
