//! An app that sleeps: nothing of it is there but its routes. The first request has it woken, and waits.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::timeout_at;
use wattle_spec::backoff::Backoff;
use wattle_spec::name::AppId;

use crate::answer::Failure;
use crate::host::Waker;

/// An app that could not be started is tried again after so long, by the next request.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// An app that sleeps.
pub(crate) struct Sleeper {
    pub(crate) app: AppId,
    waker: Arc<dyn Waker>,
    tries: Mutex<Tries>,
}

#[derive(Default)]
struct Tries {
    /// One that is under way: whether it runs then.
    under_way: Option<Shared<BoxFuture<'static, bool>>>,
    /// How many failed, one after the other.
    failed: u32,
    /// When the next one may begin.
    not_before: Option<Instant>,
}

impl Sleeper {
    pub(crate) fn new(app: AppId, waker: Arc<dyn Waker>) -> Arc<Self> {
        Arc::new(Self { app, waker, tries: Mutex::default() })
    }

    /// Has the app woken, once for all who ask for it, and waits until `deadline`. Its routes lead elsewhere then.
    pub(super) async fn wake(self: &Arc<Self>, deadline: Instant) -> Result<(), Failure> {
        match timeout_at(deadline.into(), self.under_way()?).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::Asleep { retry: BACKOFF.first }),
            Err(_) => Err(Failure::Asleep { retry: Duration::ZERO }),
        }
    }

    /// The try that is under way, or a new one.
    fn under_way(self: &Arc<Self>) -> Result<Shared<BoxFuture<'static, bool>>, Failure> {
        let mut tries = self.tries();
        if let Some(under_way) = &tries.under_way {
            return Ok(under_way.clone());
        }
        let now = Instant::now();
        if let Some(not_before) = tries.not_before.filter(|not_before| *not_before > now) {
            return Err(Failure::Asleep { retry: not_before - now });
        }
        let (sleeper, woken) = (Arc::downgrade(self), self.waker.wake(&self.app));
        let under_way = async move {
            let runs = woken.await;
            if let Some(sleeper) = sleeper.upgrade() {
                sleeper.tried(runs);
            }
            runs
        };
        let under_way = under_way.boxed().shared();
        tries.under_way = Some(under_way.clone());
        Ok(under_way)
    }

    fn tried(&self, runs: bool) {
        let mut tries = self.tries();
        tries.under_way = None;
        (tries.failed, tries.not_before) = match runs {
            true => (0, None),
            false => (tries.failed.saturating_add(1), Some(Instant::now() + BACKOFF.delay(tries.failed, 0.0))),
        };
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
