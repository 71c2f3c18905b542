//! Metrics: numbers that the data path adds to, and that somebody else reads.
//!
//! They are kept per component, found once when it is loaded, and per core, so that adding one is an addition to memory
//! that no other core writes. Every label comes from a manifest or from a list in this crate, none from a request; and
//! there is a limit on the components that have numbers of their own.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime};

use wattle_spec::control::Requests;
use wattle_spec::name::{AppId, ComponentName};

use super::called::CallEnd;
use super::delivered::Fate;
use super::host_call::{FUNCTIONS_OF, Outcome};
use crate::answer::ErrorCode;
use crate::cores::CoreId;

/// The name of what is counted together because there is too much of it. No app and no component can be called so.
const OTHER: &str = "_other";

/// Upper bounds of the buckets of durations, in seconds. There is one more bucket, without a bound.
pub(super) const BOUNDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How requests end: by the first digit of their status, from 1; at 0, without an answer.
pub(super) const STATUSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The numbers of a host.
pub(crate) struct Metrics {
    series: Mutex<Vec<Weak<Series>>>,
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
    shards: Box<[Shard]>,
}

/// What one core has counted.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Shard {
    pub(super) requests: [AtomicU64; STATUSES.len()],
    pub(super) durations: [AtomicU64; BOUNDS.len() + 1],
    pub(super) duration_us: AtomicU64,
    pub(super) in_flight: AtomicI64,
    pub(super) instances_made: AtomicU64,
    pub(super) instances_warm: AtomicI64,
    pub(super) failures: [AtomicU64; ErrorCode::ALL.len()],
    pub(super) host_calls: [[AtomicU64; Outcome::COUNT]; FUNCTIONS_OF.len()],
    pub(super) outgoing: [AtomicU64; STATUSES.len()],
    pub(super) messages: [AtomicU64; Fate::COUNT],
    pub(super) messages_in_flight: AtomicI64,
    pub(super) calls: [AtomicU64; CallEnd::COUNT],
    pub(super) calls_in_flight: AtomicI64,
    pub(super) log_lines_dropped: AtomicU64,
}

impl Metrics {
    pub(super) fn new(components_max: u32, cores: usize) -> Self {
        let nobody = Arc::new(Series::new(None, None, cores));
        let other = Arc::new(Series::new(Some(OTHER.into()), Some(OTHER.into()), cores));
        let components_max = components_max as usize;
        Self { series: Mutex::default(), nobody, other, components_max, cores }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Weak<Series>>> {
        self.series.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// The numbers of a component (`None`: of folders) that begins to run: those of an earlier version of it, as long as
    /// that is there. They go with whoever holds them.
    pub(crate) fn series(&self, app: &AppId, component: Option<&ComponentName>) -> Arc<Series> {
        let mut list = self.list();
        list.retain(|series| series.strong_count() > 0);
        let (app_name, component_name) = (app.to_string(), component.map(ToString::to_string));
        let is_it =
            |series: &Arc<Series>| (series.app.as_ref(), &series.component) == (Some(&app_name), &component_name);
        if let Some(known) = list.iter().filter_map(Weak::upgrade).find(is_it) {
            return known;
        }
        if list.len() >= self.components_max {
            return self.other.clone();
        }
        let series = Series::new(Some(app_name), component_name, self.cores);
        let series = Arc::new(series);
        list.push(Arc::downgrade(&series));
        series
    }

    /// The numbers of requests that reach no app.
    pub(crate) fn nobody(&self) -> &Arc<Series> {
        &self.nobody
    }

    /// All that count something, in the order of their names.
    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        let own = self.list().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        let rest = [&self.nobody, &self.other].map(Arc::clone).into_iter().filter(|series| series.is_used());
        let mut all: Vec<_> = own.into_iter().chain(rest).collect();
        all.sort_by(|a, b| (&a.app, &a.component).cmp(&(&b.app, &b.component)));
        all
    }
}

impl Series {
    fn new(app: Option<String>, component: Option<String>, cores: usize) -> Self {
        let shards = (0..cores.max(1)).map(|_| Shard::default()).collect();
        Self { app, component, since: SystemTime::now(), shards }
    }

    /// Where `core` counts.
    pub(crate) fn on(&self, core: CoreId) -> &Shard {
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

    /// The requests of whoever has these numbers; `None`: they are of several.
    pub(crate) fn requests(&self) -> Option<Requests> {
        let ended = |status| self.sum(|shard| &shard.requests[status]);
        let served = (0..STATUSES.len()).map(ended).sum();
        let in_flight = u64::try_from(self.level(|shard| &shard.in_flight)).unwrap_or_default();
        let failed = ended(0) + ended(STATUSES.len() - 1);
        (self.app.as_deref() != Some(OTHER)).then_some(Requests { served, failed, in_flight })
    }

    fn is_used(&self) -> bool {
        (0..STATUSES.len()).any(|status| self.sum(|shard| &shard.requests[status]) > 0)
            || self.sum(|shard| &shard.instances_made) > 0
    }
}

impl Shard {
    /// A request begins.
    pub(crate) fn request_began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that had begun has ended.
    pub(crate) fn request_left(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request has ended, with this status or before there was one.
    pub(crate) fn request_ended(&self, status: Option<u16>, duration: Duration) {
        add(&self.requests[status_index(status)]);
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        add(&self.durations[bucket]);
        self.duration_us.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }

    /// An instance was made.
    pub(crate) fn instance_made(&self) {
        add(&self.instances_made);
    }

    /// An instance can be used again from now on.
    pub(crate) fn instance_kept(&self) {
        self.instances_warm.fetch_add(1, Ordering::Relaxed);
    }

    /// It cannot any more.
    pub(crate) fn instance_gone(&self) {
        self.instances_warm.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request of the component was answered with this status, or not at all.
    pub(crate) fn outgoing_ended(&self, status: Option<u16>) {
        add(&self.outgoing[status_index(status)]);
    }
}

pub(super) fn add(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

fn status_index(status: Option<u16>) -> usize {
    status.map_or(0, |status| usize::from(status / 100)).min(STATUSES.len() - 1)
}

#[cfg(test)]
mod tests {
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
