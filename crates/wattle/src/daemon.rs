//! A host of many apps, which is told what to run and remembers it: what is asked comes in as an `Action`, is made so, is
//! written down (`desired`), and runs again when the host is started again (`restore`).
//!
//! Each app has its turns: what is asked of one is done one after the other, and no app waits for another, but for a place
//! among those that are read, or started, at the same time.

mod act;
mod apply;
mod candidates;
mod course;
mod damaged;
mod desired;
mod restore;
mod status;
mod turn;
mod wake;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, SemaphorePermit};
use wattle_host::{Host, StartError};
use wattle_spec::control::{AppState, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use self::candidates::Candidates;
use self::course::Courses;
pub(crate) use self::course::{Course, EVERY, SOON};
use self::damaged::Damaged;
pub(crate) use self::desired::{Desired, DesiredError, say_doors};
use self::turn::Deployed;
pub(crate) use self::wake::Rouser;
use crate::app_file::ReadHost;
use crate::problem::{Exit, Problem};
use crate::report;
use crate::told::Teller;

/// How many apps are started or updated at a time, as many as may be asked for. Most of them wait: for the compiler, which has
/// one at a time and one beside it, or to be well.
const STARTS: usize = 256;
/// How many that sleep are started at a time: what is compiled already takes milliseconds.
const WAKES: usize = 64;
/// How many are read, and fetched, at a time.
const READS: usize = 16;
/// The most bytes of a reason that are kept.
const REASON_MAX: usize = 4 << 10;

/// What a host of many apps is and has.
pub(crate) struct Daemon {
    host: Arc<Host>,
    /// The host's own file.
    own: ReadHost,
    desired: Desired,
    /// Who is told how apps are.
    tell: Teller,
    apps: Mutex<BTreeMap<AppId, Arc<Deployed>>>,
    /// Those of which nobody can read what was written down.
    damaged: Mutex<BTreeMap<AppId, Damaged>>,
    candidates: Candidates,
    /// How far those actions are that start or update one.
    courses: Courses,
    starts: Semaphore,
    wakes: Semaphore,
    reads: Semaphore,
}

impl Daemon {
    /// What was written down by then is not looked at yet.
    pub(crate) fn new(host: Arc<Host>, own: ReadHost, desired: Desired, tell: Teller) -> Self {
        let [starts, wakes, reads] = [STARTS, WAKES, READS].map(Semaphore::new);
        let (apps, damaged, candidates, courses) = Default::default();
        Self { host, own, desired, tell, apps, damaged, candidates, courses, starts, wakes, reads }
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<AppId, Arc<Deployed>>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeMap<AppId, Damaged>> {
        self.damaged.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// From now on `app` is in this state, for this reason.
    fn is(&self, app: &AppId, deployed: &Deployed, state: AppState, reason: Option<String>) {
        let reason = reason.map(cut);
        let generation = {
            let mut now = deployed.now();
            (now.state, now.reason) = (state, reason.clone());
            now.record.as_ref().map(|record| record.current)
        };
        let state = self.state(app, state);
        (self.tell)(Report::State { app: app.clone(), state, generation, reason });
    }

    /// An app that is remembered.
    fn known(&self, app: &AppId) -> Result<Arc<Deployed>, Refusal> {
        let deployed = self.apps().get(app).cloned();
        deployed.ok_or_else(|| match self.damage(app) {
            Some(damaged) => damaged.refusal(app),
            None => Refusal::unknown_app(app, self.apps().keys().cloned()),
        })
    }
}

/// A place among those that do something at a time. Who has a turn of an app may wait for it, and never the other way round.
async fn place(places: &Semaphore) -> SemaphorePermit<'_> {
    places.acquire().await.expect("invariant: this semaphore is never closed")
}

fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_MAX));
    reason
}

/// Does what waits for files and for registries, beside everything else.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    // A bug of ours ends what it is in, and nothing else.
    let broken = |error| Problem::System { operation: "go on", source: std::io::Error::other(error) };
    done.map_err(broken)?
}

/// Why something is not done, as it is answered.
fn refusal(problem: &Problem) -> Refusal {
    let code = match problem {
        Problem::Start(StartError::Ending) => RefusalCode::Stopping,
        Problem::Start(StartError::Stopped(_)) => RefusalCode::AppStopped,
        Problem::Start(StartError::RouteTaken { .. }) => RefusalCode::RouteTaken,
        Problem::Start(
            StartError::Backend { .. }
            | StartError::Unusable { .. }
            | StartError::Unrecorded { .. }
            | StartError::Subscribe { .. },
        ) => RefusalCode::AppBlocked,
        problem => match problem.exit_code() {
            Exit::BadInput => RefusalCode::AppRefused,
            Exit::Blocked => RefusalCode::AppBlocked,
            _ => RefusalCode::AppFailed,
        },
    };
    Refusal { hint: problem.hint(), ..Refusal::new(code, report::plain(problem)) }
}
