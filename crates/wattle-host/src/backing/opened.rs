//! A backend that is open, and asking it whether it can be used: for whoever wants to know, and not more often than anybody
//! needs.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::time::timeout;
use wattle_backend::stores::Stores;

/// How long an answer counts.
const FRESH: Duration = Duration::from_secs(1);

/// How long the backend may take for it.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A backend that is open. It is closed when nobody has this any more.
pub(crate) struct Opened {
    pub(crate) stores: Stores,
    latest: Mutex<Option<Question>>,
}

/// What was asked last.
struct Question {
    began: Instant,
    /// When it was answered.
    ended: Arc<OnceLock<Instant>>,
    asked: Asked,
}

type Asked = Shared<BoxFuture<'static, Option<&'static str>>>;

impl Opened {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores, latest: Mutex::default() }
    }

    /// Why the backend cannot be used, in a word. `None`: it can. All who ask while it is asked, or within a second of the
    /// answer, share that: many who ask one after the other do not each wait for a backend that does not answer.
    pub(crate) fn ask(&self) -> Asked {
        let mut latest = self.latest.lock().expect("invariant: nothing panics while it holds this lock");
        if let Some(question) = &*latest
            && question.is_fresh()
        {
            return question.asked.clone();
        }
        let (stores, ended) = (self.stores.clone(), Arc::<OnceLock<Instant>>::default());
        let answered = ended.clone();
        let asked = async move {
            let answer = match timeout(ANSWER_MAX, stores.check()).await {
                Ok(checked) => checked.err().map(|error| error.code()),
                Err(_) => Some("timed-out"),
            };
            // Nobody else sets it.
            let _ = answered.set(Instant::now());
            answer
        };
        let asked = asked.boxed().shared();
        *latest = Some(Question { began: Instant::now(), ended, asked: asked.clone() });
        asked
    }
}

impl Question {
    /// Whether its answer counts. One without an answer may have been left by whoever asked.
    fn is_fresh(&self) -> bool {
        match self.ended.get() {
            Some(ended) => ended.elapsed() < FRESH,
            None => self.began.elapsed() < ANSWER_MAX,
        }
    }
}
