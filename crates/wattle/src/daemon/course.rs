//! How far actions are that start or update an app: whoever does one notes it, and whoever waits for one asks.
//!
//! Nothing is told of what is done within a moment. Of what takes longer, each step is told, and how much has come every now
//! and then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, interval_at};
use wattle_spec::control::{Action, ActionProgress, Progress, Refusal};
use wattle_spec::name::{AppId, Namespace};
use wattle_spec::report::Report;

use super::Daemon;
use crate::artifacts::Pulls;

/// What takes less is told when it is done.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// How often it is looked at after that.
pub(crate) const EVERY: Duration = Duration::from_millis(250);
/// How often more of the same is reported.
const AGAIN: Duration = Duration::from_secs(10);

/// How far one action is.
#[derive(Default)]
pub(crate) struct Course {
    number: u64,
    source: Option<String>,
    /// Where the name of what is applied counts.
    namespace: Namespace,
    app: OnceLock<AppId>,
    /// What comes from registries for it.
    pub(super) pulls: Pulls,
    stage: Mutex<Stage>,
}

/// Who knows how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// Nobody: it waits.
    #[default]
    Waiting,
    /// Whoever reads it.
    Reading,
    /// The host.
    Beginning,
}

/// Those that are under way.
#[derive(Default)]
pub(super) struct Courses {
    next: AtomicU64,
    under_way: Mutex<BTreeMap<u64, Arc<Course>>>,
}

/// While this is there, an action is under way.
struct UnderWay<'c> {
    all: &'c Courses,
    number: u64,
}

impl Course {
    /// It has come so far.
    pub(super) fn is(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// It is about `app`.
    pub(super) fn is_of(&self, app: &AppId) {
        // It is the same each time.
        let _ = self.app.set(app.clone());
    }

    /// The app that it is about, if that is known.
    fn app(&self) -> Option<AppId> {
        let read = || Some(AppId { namespace: self.namespace.clone(), name: self.pulls.name()?.clone() });
        self.app.get().cloned().or_else(read)
    }
}

impl Courses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Course>>> {
        // Whole at every point where a panic could come.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, course: &Arc<Course>) -> UnderWay<'_> {
        self.lock().insert(course.number, course.clone());
        UnderWay { all: self, number: course.number }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.number);
    }
}

impl Daemon {
    /// The course of `action`, if it starts or updates an app.
    pub(crate) fn course(&self, action: &Action) -> Option<Arc<Course>> {
        let number = || self.courses.next.fetch_add(1, Ordering::Relaxed);
        match action {
            Action::Apply { source, namespace, .. } => {
                let (source, namespace) = (Some(source.clone()), namespace.clone());
                Some(Arc::new(Course { number: number(), source, namespace, ..Course::default() }))
            }
            Action::Rollback { app, .. } | Action::Start { app, .. } => {
                let course = Course { number: number(), ..Course::default() };
                course.is_of(app);
                Some(Arc::new(course))
            }
            _ => None,
        }
    }

    /// How far `course` is.
    pub(crate) fn progress(&self, course: &Course) -> ActionProgress {
        let app = course.app();
        let stage = *course.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = match stage {
            Stage::Waiting => Progress::Waiting,
            Stage::Reading => course.pulls.now().map_or(Progress::Reading, Progress::Pulling),
            Stage::Beginning => app.as_ref().and_then(|app| self.host.progress(app)).unwrap_or(Progress::Starting),
        };
        ActionProgress { action: course.number, source: course.source.clone(), app, progress }
    }

    /// How far all are that are under way.
    pub(super) fn under_way(&self) -> Vec<ActionProgress> {
        let courses: Vec<_> = self.courses.lock().values().cloned().collect();
        courses.iter().map(|course| self.progress(course)).collect()
    }

    /// Does `work`, whose course this is, and reports meanwhile how far it is.
    ///
    /// # Errors
    ///
    /// Those of `work`, with the app that they are about.
    pub(super) async fn on_course<T>(
        &self,
        course: &Arc<Course>,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let _under_way = self.courses.begin(course);
        let report = async {
            let mut ticks = interval_at(Instant::now() + SOON, EVERY);
            let mut last: Option<(Progress, Instant)> = None;
            loop {
                let at = ticks.tick().await;
                let now = self.progress(course);
                let is_due = last.as_ref().is_none_or(|(before, told)| {
                    !before.is_same_step(&now.progress) || (*before != now.progress && at - *told >= AGAIN)
                });
                if is_due {
                    last = Some((now.progress.clone(), at));
                    (self.tell)(Report::Progress(now));
                }
            }
        };
        tokio::select! {
            biased;
            done = work => done.map_err(|refusal| refusal.about(course.app())),
            never = report => never,
        }
    }
}
