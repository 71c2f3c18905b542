//! A host of many apps, which is told what to run and remembers it: what is asked comes in as an `Action`, is made so, is
//! written down (`desired`), and runs again when the host is started again (`restore`).
//!
//! Each app has its turns: what is asked of one is done one after the other, and no app waits for another, but for a place
//! among those that start at the same time.

mod act;
mod apply;
mod desired;
mod restore;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, SemaphorePermit};
use wattle_artifact::folder::HeldFolder;
use wattle_host::Host;
use wattle_spec::control::{AppState, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use self::desired::Record;
pub(crate) use self::desired::{Desired, DesiredError};
use crate::app_file::ReadHost;
use crate::problem::{Exit, Problem};
use crate::report;
use crate::told::Teller;

/// How many apps are read, compiled and tried out at a time.
const STARTS: usize = 4;

/// What a host of many apps is and has.
pub(crate) struct Daemon {
    host: Arc<Host>,
    /// The host's own file.
    own: ReadHost,
    desired: Desired,
    /// Who is told how apps are.
    tell: Teller,
    apps: Mutex<BTreeMap<AppId, Arc<Deployed>>>,
    starts: Semaphore,
}

/// An app that is remembered, or is about to be.
struct Deployed {
    /// Whose turn it is to change it.
    turn: tokio::sync::Mutex<()>,
    now: Mutex<Now>,
}

/// How an app is now.
#[derive(Debug, Clone)]
struct Now {
    state: AppState,
    /// Why it does not run, or why what was applied last does not.
    reason: Option<String>,
    /// What is written down of it. `None`: nothing yet.
    record: Option<Record>,
    /// The folders that it serves: nobody removes them.
    held: Arc<[HeldFolder]>,
}

impl Daemon {
    /// What was written down by then is not looked at yet.
    pub(crate) fn new(host: Arc<Host>, own: ReadHost, desired: Desired, tell: Teller) -> Self {
        Self { host, own, desired, tell, apps: Mutex::default(), starts: Semaphore::new(STARTS) }
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<AppId, Arc<Deployed>>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// From now on `app` is in this state, for this reason.
    fn is(&self, app: &AppId, deployed: &Deployed, state: AppState, reason: Option<String>) {
        let generation = {
            let mut now = deployed.now();
            (now.state, now.reason) = (state, reason.clone());
            now.record.as_ref().map(|record| record.current)
        };
        (self.tell)(Report::State { app: app.clone(), state, generation, reason });
    }

    /// A place among those that are read, compiled and tried out.
    async fn place(&self) -> SemaphorePermit<'_> {
        self.starts.acquire().await.expect("invariant: this semaphore is never closed")
    }

    /// The app of that name, and if there is none, one that is about to be.
    fn deployed(&self, app: &AppId) -> Arc<Deployed> {
        self.apps().entry(app.clone()).or_insert_with(|| Arc::new(Deployed::new(AppState::Starting, None))).clone()
    }

    /// Forgets an app of which nothing is written down, unless somebody waits for a turn of it.
    fn forget(&self, app: &AppId, deployed: Arc<Deployed>) {
        let mut apps = self.apps();
        // The map's, and ours.
        if Arc::strong_count(&deployed) == 2 && deployed.now().record.is_none() {
            apps.remove(app);
        }
    }

    /// An app that is remembered.
    fn known(&self, app: &AppId) -> Result<Arc<Deployed>, Refusal> {
        let apps = self.apps();
        apps.get(app).cloned().ok_or_else(|| Refusal::no_app(app, apps.keys().cloned()))
    }
}

impl Deployed {
    fn new(state: AppState, record: Option<Record>) -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            now: Mutex::new(Now { state, reason: None, record, held: Arc::default() }),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

/// Does what waits for files and for registries, beside everything else.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Problem::System { operation: "wait for files", source: std::io::Error::other(error) }),
        },
    }
}

/// Why something is not done, as it is answered.
fn refusal(problem: &Problem) -> Refusal {
    let code = match problem.exit_code() {
        Exit::BadInput => RefusalCode::AppRefused,
        Exit::Blocked => RefusalCode::AppBlocked,
        _ => RefusalCode::AppFailed,
    };
    Refusal { hint: problem.hint(), ..Refusal::new(code, report::plain(problem)) }
}
