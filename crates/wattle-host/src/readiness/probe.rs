//! Asking a backend whether it can be used: for whoever wants to know, and not more often than anybody needs.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::timeout;
use wattle_backend::stores::Stores;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(1);

/// How long the backend may take for it.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Asks one backend.
pub(crate) struct Probe {
    stores: Stores,
    /// What was asked last, and when.
    latest: Mutex<Option<(Instant, Asked)>>,
}

type Asked = Shared<BoxFuture<'static, Option<&'static str>>>;

impl Probe {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores, latest: Mutex::default() }
    }

    /// Why the backend cannot be used, in a word. `None`: it can. All who ask within a second share one answer.
    pub(super) fn ask(&self) -> Asked {
        let mut latest = self.latest.lock().expect("invariant: nothing panics while it holds this lock");
        if let Some((since, asked)) = &*latest
            && since.elapsed() < FRESH
        {
            return asked.clone();
        }
        let stores = self.stores.clone();
        let asked = async move {
            match timeout(ANSWER_MAX, stores.check()).await {
                Ok(checked) => checked.err().map(|error| error.code()),
                Err(_) => Some("timed-out"),
            }
        };
        let asked = asked.boxed().shared();
        *latest = Some((Instant::now(), asked.clone()));
        asked
    }
}
