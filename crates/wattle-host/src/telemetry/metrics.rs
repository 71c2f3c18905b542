//! Metrics: numbers that the data path adds to, and that somebody else reads.
//!
//! They are kept per component, found once when it is loaded, and per core, so that adding one is an addition to memory
//! that no other core writes. Every label comes from a manifest or from a list in this crate, none from a request; and
//! there is a limit on the components that have numbers of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Instant, SystemTime};

use wattle_spec::control::{Instances, Requests};
use wattle_spec::name::{AppId, ComponentName};

use super::shard::{STATUSES, Shard, add};
use super::window::{Change, Counts, Window};
use crate::answer::ErrorCode;
use crate::cores::CoreId;

/// The name of what is counted together because there is too much of it. No app and no component can be called so.
const OTHER: &str = "_other";

/// Whose numbers they are: the app's name, and the component's if they are not those of folders.
type Owner = (String, Option<String>);

/// The numbers of a host.
pub(crate) struct Metrics {
    /// Those that nobody holds any more are found out when there is no room for others.
    series: Mutex<BTreeMap<Owner, Weak<Series>>>,
    /// Of requests that reach no app.
    nobody: Arc<Series>,
    /// Of all components for which there is no room.
    other: Arc<Series>,
    components_max: usize,
    cores: usize,
}

/// The numbers of one component, or of the folders of one app.
pub(crate) struct Series {
    pub(super) app: Option<String>,
    pub(super) component: Option<String>,
    pub(super) since: SystemTime,
    /// Each by itself in memory: an instance holds that of its core.
    shards: Box<[Arc<Shard>]>,
    lately: Mutex<Window>,
}

impl Metrics {
    pub(super) fn new(components_max: u32, cores: usize) -> Self {
        let now = (Instant::now(), SystemTime::now());
        let nobody = Arc::new(Series::new(None, None, cores, now));
        let other = Arc::new(Series::new(Some(OTHER.into()), Some(OTHER.into()), cores, now));
        let components_max = components_max as usize;
        Self { series: Mutex::default(), nobody, other, components_max, cores }
    }

    fn owned(&self) -> MutexGuard<'_, BTreeMap<Owner, Weak<Series>>> {
        self.series.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// The numbers of a component (`None`: of folders) that begins to run: those of an earlier version of it, as long as
    /// that is there. They go with whoever holds them.
    pub(crate) fn series(&self, app: &AppId, component: Option<&ComponentName>) -> Arc<Series> {
        let mut owned = self.owned();
        let owner = (app.to_string(), component.map(ToString::to_string));
        if let Some(known) = owned.get(&owner).and_then(Weak::upgrade) {
            return known;
        }
        if owned.len() >= self.components_max {
            owned.retain(|_, series| series.strong_count() > 0);
        }
        if owned.len() >= self.components_max {
            return self.other.clone();
        }
        let (now, (app, component)) = ((Instant::now(), SystemTime::now()), owner.clone());
        let series = Arc::new(Series::new(Some(app), component, self.cores, now));
        owned.insert(owner, Arc::downgrade(&series));
        series
    }

    /// The numbers of requests that reach no app.
    pub(crate) fn nobody(&self) -> &Arc<Series> {
        &self.nobody
    }

    /// Looks at the numbers of each component, which somebody does from time to time.
    pub(super) fn look(&self, now: Instant) {
        let series: Vec<_> = self.owned().values().filter_map(Weak::upgrade).collect();
        series.iter().for_each(|series| series.look(now));
    }

    /// All that count something, in the order of their names.
    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        let own = self.owned().values().filter_map(Weak::upgrade).collect::<Vec<_>>();
        let rest = [&self.nobody, &self.other].map(Arc::clone).into_iter().filter(|series| series.is_used());
        let mut all: Vec<_> = own.into_iter().chain(rest).collect();
        all.sort_by(|a, b| (&a.app, &a.component).cmp(&(&b.app, &b.component)));
        all
    }
}

impl Series {
    pub(super) fn new(
        app: Option<String>,
        component: Option<String>,
        cores: usize,
        (now, since): (Instant, SystemTime),
    ) -> Self {
        let shards = (0..cores.max(1)).map(|_| Arc::default()).collect();
        Self { app, component, since, shards, lately: Mutex::new(Window::new(now)) }
    }

    /// Where `core` counts.
    pub(crate) fn on(&self, core: CoreId) -> &Arc<Shard> {
        &self.shards[core.0.min(self.shards.len() - 1)]
    }

    /// One of `failures` that a client may have been told of.
    pub(crate) fn failed(&self, code: ErrorCode) {
        add(&self.shards[0].failures[code as usize]);
    }

    /// A line of a guest that nobody will read.
    pub(crate) fn log_line_dropped(&self) {
        add(&self.shards[0].log_lines_dropped);
    }

    pub(super) fn sum(&self, number: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| number(shard).load(Ordering::Relaxed)).sum()
    }

    /// The same of what goes up and down, perhaps not on one core.
    pub(super) fn level(&self, number: impl Fn(&Shard) -> &AtomicI64) -> i64 {
        self.shards.iter().map(|shard| number(shard).load(Ordering::Relaxed)).sum()
    }

    /// Whether these are the numbers of one component, or of the folders of one app.
    pub(super) fn is_of_one(&self) -> bool {
        self.app.as_deref().is_some_and(|app| app != OTHER)
    }

    /// The requests of whoever has these numbers.
    pub(super) fn requests(&self) -> Requests {
        let in_flight = u64::try_from(self.level(|shard| &shard.in_flight)).unwrap_or_default();
        let Counts { served, failed, .. } = self.counts();
        Requests { served, failed, in_flight }
    }

    /// The instances that are there.
    pub(super) fn instances(&self) -> Instances {
        let (made, dropped) = (self.sum(|shard| &shard.instances_made), self.sum(|shard| &shard.instances_dropped));
        let largest = self.shards.iter().map(|shard| shard.memory_largest.load(Ordering::Relaxed)).max();
        Instances {
            count: made.saturating_sub(dropped),
            memory_bytes: u64::try_from(self.level(|shard| &shard.memory)).unwrap_or_default(),
            largest_bytes: largest.unwrap_or_default(),
        }
    }

    /// What was done lately, until `now`.
    pub(super) fn change(&self, now: Instant) -> Change {
        self.window().change(now, self.counts())
    }

    /// Somebody looks from time to time, now once more.
    fn look(&self, now: Instant) {
        self.window().look(now, self.counts());
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.lately.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn counts(&self) -> Counts {
        let ended = |status: usize| self.sum(|shard| &shard.requests[status]);
        Counts {
            served: (0..STATUSES.len()).map(ended).sum(),
            failed: ended(0) + ended(STATUSES.len() - 1),
            durations: std::array::from_fn(|bucket| self.sum(|shard| &shard.durations[bucket])),
            cpu_ns: self.sum(|shard| &shard.cpu_ns),
        }
    }

    fn is_used(&self) -> bool {
        (0..STATUSES.len()).any(|status| self.sum(|shard| &shard.requests[status]) > 0)
            || self.sum(|shard| &shard.instances_made) > 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What an app did before it was updated is not forgotten, as long as somebody still counts.
    #[test]
    fn a_later_version() {
        let metrics = Metrics::new(100, 1);
        let [shop, other] = ["shop", "other"].map(|name| AppId::in_default_namespace(name.parse().expect("a name")));
        let component = "cart".parse().expect("a name");
        let first = metrics.series(&shop, Some(&component));
        assert!(Arc::ptr_eq(&first, &metrics.series(&shop, Some(&component))));
        assert!(!Arc::ptr_eq(&first, &metrics.series(&shop, None)));
        assert!(!Arc::ptr_eq(&first, &metrics.series(&other, Some(&component))));
    }

    /// Ten thousand apps have as many series as the limit says, and nothing that they did is forgotten.
    #[test]
    fn many_apps() {
        let metrics = Metrics::new(100, 2);
        let apps = (0..10_000).map(|number| {
            let app = AppId::in_default_namespace(format!("app-{number}").parse().expect("a name"));
            let series = metrics.series(&app, None);
            series.on(CoreId(number % 3)).request_ended(Some(200), Duration::ZERO);
            series
        });
        let apps: Vec<_> = apps.collect();
        let all = metrics.all();
        assert_eq!(all.len(), 101);
        assert_eq!(all.iter().map(|series| series.sum(|shard| &shard.requests[2])).sum::<u64>(), 10_000);
        assert_eq!(all.last().map(|series| series.app.clone()), Some(Some("default/app-99".into())));
        drop((apps, all));
        assert_eq!(metrics.all().len(), 1, "only what is counted together stays");
    }
}
