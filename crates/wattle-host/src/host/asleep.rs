//! Apps that sleep. What answers requests alone need not be in memory between them: of such an app a host keeps the routes,
//! and has it started again by the next request. Those that were used longest ago sleep when there are too many.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use futures::future::BoxFuture;
use wattle_spec::control::{AppState, AppStatus};
use wattle_spec::name::AppId;
use wattle_spec::route::{RouteKey, RouteTable};

use super::Host;
use super::routes::lead;
use super::running::Running;
use crate::backing::Opened;
use crate::component::Program;
use crate::error::StartError;
use crate::readiness::Standing;
use crate::telemetry::{Series, Usage};
use crate::trigger::http::{Door, Sleeper};

/// What the host says of an app among its parts.
const PART: &str = "start";

/// When apps are put to sleep, so many of a hundred of what may be awake are left.
const LEFT_PERCENT: u64 = 95;

/// Starts apps that sleep. An embedder whose apps may sleep has one.
pub trait Waker: Send + Sync {
    /// Has `app` started ([`Host::start`](super::Host::start)), and says whether it runs. Once begun, that goes on when the
    /// future is dropped.
    fn wake(&self, app: &AppId) -> BoxFuture<'static, bool>;

    /// `app` sleeps from now on. This must not wait.
    fn sleeps(&self, _app: &AppId) {}
}

/// An app that sleeps.
pub(super) struct Asleep {
    pub(super) routes: Vec<RouteKey>,
    _ready: Standing,
    /// What it has counted, which goes on when it is awake again.
    series: Vec<Arc<Series>>,
    /// What it keeps in memory is there as long as this is.
    _backends: Vec<Arc<Opened>>,
}

/// What an app takes that is awake.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    components: u64,
    code: u64,
}

impl Asleep {
    pub(super) fn status(&self, app: &AppId) -> AppStatus {
        let Usage { requests, rates, instances } = Usage::of(&self.series, Instant::now());
        let state = Some(AppState::Asleep);
        AppStatus { state, ready: true, requests, rates, instances, ..AppStatus::unknown(app) }
    }
}

impl Host {
    /// From now on, requests for `routes` have `app` woken, of which nothing runs. `reason` is why it is not ready; `None`: it
    /// is, and starts with its first request.
    ///
    /// # Errors
    ///
    /// If the app runs or sleeps already, if another app has one of the routes, or if the host has no [`Waker`].
    pub fn reserve(&self, app: &AppId, routes: Vec<RouteKey>, reason: Option<&str>) -> Result<(), StartError> {
        let waker = self.waker.as_ref().ok_or_else(|| StartError::NoWaker(app.clone()))?;
        let apps = self.apps();
        let mut asleep = self.asleep();
        if apps.contains_key(app) || asleep.contains_key(app) {
            return Err(StartError::Running(app.clone()));
        }
        let mut table = RouteTable::clone(&self.server.routes.load());
        lead(&mut table, sleeping(app, &routes, waker))?;
        let _ready = match reason {
            Some(reason) => self.readiness.wait_for(app, PART, reason),
            None => self.readiness.have(app, PART),
        };
        self.server.routes.store(Arc::new(table));
        asleep.insert(app.clone(), Asleep { routes, _ready, series: Vec::new(), _backends: Vec::new() });
        Ok(())
    }

    /// Whether `app` sleeps.
    pub fn is_asleep(&self, app: &AppId) -> bool {
        self.asleep().contains_key(app)
    }

    /// Lets apps sleep until no more is awake than may be. Their requests that are under way end as if they were updated.
    pub(super) fn make_room(&self) {
        let Some(waker) = &self.waker else { return };
        let mut fell_asleep = Vec::new();
        {
            let mut apps = self.apps();
            for app in self.too_many(&apps) {
                // Who changes it needs it awake.
                let Some(_turn) = self.turns.try_of(&app) else { continue };
                self.put_to_sleep(&mut apps, &app, waker);
                fell_asleep.push(app);
            }
        }
        for app in &fell_asleep {
            waker.sleeps(app);
        }
    }

    /// Those that are to sleep, so that there is room.
    fn too_many(&self, apps: &BTreeMap<AppId, Running>) -> Vec<AppId> {
        let limits = &self.server.limits;
        let most = Weight { components: limits.awake_components.into(), code: limits.awake_code.0 };
        let mut awake = Weight::default();
        apps.values().for_each(|running| awake.add(running.weight));
        if awake.fits(most) {
            return Vec::new();
        }
        let idle = apps.iter().filter(|(_, running)| running.weight.components > 0);
        let mut idle: Vec<_> =
            idle.filter_map(|(app, running)| Some((running.may_sleep_since()?, app, running.weight))).collect();
        idle.sort_unstable_by_key(|(since, app, _)| (*since, *app));
        let enough = Weight { components: most.components * LEFT_PERCENT / 100, code: most.code / 100 * LEFT_PERCENT };
        let chosen = idle.into_iter().map_while(|(_, app, weight)| {
            (!awake.fits(enough)).then(|| {
                awake.take(weight);
                app.clone()
            })
        });
        chosen.collect()
    }

    /// What comes for `app`, one of `apps`, finds its sleeper from now on.
    fn put_to_sleep(&self, apps: &mut BTreeMap<AppId, Running>, app: &AppId, waker: &Arc<dyn Waker>) {
        let mut table = self.table_without(apps, app);
        let Some(mut running) = apps.remove(app) else { return };
        let routes: Vec<_> = running.routes().collect();
        lead(&mut table, sleeping(app, &routes, waker)).expect("invariant: these routes were its own");
        self.server.routes.store(Arc::new(table));
        let backends = self.loader.backends().all_of(&running.app).unwrap_or_default();
        let asleep = Asleep {
            routes,
            _ready: self.readiness.have(app, PART),
            series: running.series(),
            _backends: backends.into_values().map(|backend| backend.opened).collect(),
        };
        self.asleep().insert(app.clone(), asleep);
        running.step_back();
        running.end();
        self.endings.begin(app, running, self.server.limits.drain);
    }

    pub(super) fn asleep(&self) -> MutexGuard<'_, BTreeMap<AppId, Asleep>> {
        self.asleep.lock().expect("invariant: nothing panics while it holds this lock")
    }
}

/// `routes` of `app`, each with what wakes it.
fn sleeping(app: &AppId, routes: &[RouteKey], waker: &Arc<dyn Waker>) -> impl Iterator<Item = (RouteKey, Door)> {
    let sleeper = Sleeper::new(app.clone(), waker.clone());
    routes.iter().map(move |route| (route.clone(), Door::Asleep(sleeper.clone())))
}

impl Weight {
    /// That of components with these programs.
    pub(super) fn of<'a>(programs: impl Iterator<Item = &'a Program>) -> Self {
        let mut weight = Self::default();
        for program in programs {
            weight.add(Self { components: 1, code: program.code_len() });
        }
        weight
    }

    /// How many bytes of machine code.
    pub(super) fn code_bytes(self) -> u64 {
        self.code
    }

    fn add(&mut self, other: Self) {
        self.components += other.components;
        self.code += other.code;
    }

    fn take(&mut self, other: Self) {
        self.components -= other.components;
        self.code -= other.code;
    }

    fn fits(self, most: Self) -> bool {
        self.components <= most.components && self.code <= most.code
    }
}

impl Running {
    /// How long ago it was used, if it may sleep: nothing of it runs without a request, no request is under way, and its links
    /// are those of its manifest.
    fn may_sleep_since(&self) -> Option<u64> {
        let is_as_written = Arc::ptr_eq(&self.app, &self.first);
        let may_sleep = is_as_written && self.moving.strong_count() == 0 && !self.app.stays_awake();
        self.ways.requests.idle_since().filter(|_| may_sleep)
    }

    /// Where it is counted what it does.
    pub(super) fn series(&self) -> Vec<Arc<Series>> {
        let of_components = self.components.iter().filter_map(|sibling| sibling.component().identity.series.clone());
        let mut all: Vec<Arc<Series>> = of_components.collect();
        let of_routes = self.ways.routes.iter().filter_map(|(_, target)| target.series.clone());
        for series in of_routes {
            if !all.iter().any(|known| Arc::ptr_eq(known, &series)) {
                all.push(series);
            }
        }
        all
    }
}
