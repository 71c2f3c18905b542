//! Apps that sleep: what is not used leaves the memory, the next request finds it as it was, and nothing fails for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::watch;
use wattle_host::{Host, StartError, Waker};
use wattle_spec::control::{Action, AppState};
use wattle_spec::limits::HostLimits;
use wattle_spec::name::AppId;
use wattle_spec::route::HttpRoute;
use wattle_testkit::{Connection, until};

use crate::site::{Site, Version, version};

/// A host whose apps may sleep, and all of them.
struct Dormitory {
    site: Site,
    apps: Arc<BTreeMap<AppId, Version>>,
    waker: Arc<Rouser>,
}

/// Starts apps that sleep, as a test wants it.
#[derive(Default)]
struct Rouser {
    host: OnceLock<(Weak<Host>, Handle)>,
    apps: Mutex<Arc<BTreeMap<AppId, Version>>>,
    asked: AtomicU64,
    slept: Mutex<Vec<String>>,
    /// Whether it fails.
    is_broken: AtomicBool,
    /// Whether it waits: what it has begun goes on when it does no more.
    waits: watch::Sender<bool>,
}

impl Waker for Rouser {
    fn wake(&self, app: &AppId) -> BoxFuture<'static, bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (host, runtime) = self.host.get().unwrap().clone();
        let (apps, app, mut waits) = (self.apps.lock().unwrap().clone(), app.clone(), self.waits.subscribe());
        let is_broken = self.is_broken.load(Ordering::Relaxed);
        let woken = runtime.spawn(async move {
            waits.wait_for(|waits| !waits).await.unwrap();
            let (Some(host), false) = (host.upgrade(), is_broken) else { return false };
            match host.start(&apps[&app].app, &apps[&app].bytes).await {
                Ok(()) | Err(StartError::Running(_)) => true,
                Err(_) => false,
            }
        });
        async { woken.await.unwrap() }.boxed()
    }

    fn sleeps(&self, app: &AppId) {
        self.slept.lock().unwrap().push(app.name.to_string());
    }
}

impl Dormitory {
    /// A host of `versions`, which sleep, where so many components may be awake.
    fn of(versions: Vec<Version>, awake_components: u32) -> Self {
        let waker = Arc::new(Rouser::default());
        let limits = HostLimits { awake_components, wake_timeout: Duration::from_secs(5), ..HostLimits::default() };
        let site = Site::empty(|host| host.limits(limits).waker(waker.clone()));
        let runtime = site.wait(async { Handle::current() });
        waker.host.set((Arc::downgrade(&site.host), runtime)).unwrap();
        let apps = Arc::new(versions.into_iter().map(|version| (version.app.id.clone(), version)).collect());
        *waker.apps.lock().unwrap() = Arc::clone(&apps);
        let dormitory = Self { site, apps, waker };
        for (app, version) in &*dormitory.apps {
            let routes = version.app.routes.iter().map(HttpRoute::key).collect();
            dormitory.site.host.reserve(app, routes, None).unwrap();
        }
        dormitory
    }

    fn states(&self) -> Vec<Option<AppState>> {
        self.site.wait(self.site.host.status()).apps.into_iter().map(|app| app.state).collect()
    }

    /// The names of those that are awake.
    fn awake(&self) -> Vec<String> {
        let is_awake = |app: &&AppId| !self.site.host.is_asleep(app);
        self.apps.keys().filter(is_awake).map(|app| app.name.to_string()).collect()
    }

    fn asked(&self) -> u64 {
        self.waker.asked.load(Ordering::Relaxed)
    }
}

/// The app `name`, which answers below `/NAME/` and keeps what it counts in memory.
fn app(name: &str) -> Version {
    with(name, "")
}

/// The same, with these lines more.
fn with(name: &str, lines: &str) -> Version {
    version(&format!(
        "name = \"{name}\"\n[[triggers.http]]\npath = \"/{name}/...\"\ncomponent = \"web\"\n\
         [components.web]\nsource = \"hello.wasm\"\n{lines}\n"
    ))
}

/// One that keeps what somebody puts at `/kv/BUCKET/KEY`, and answers all of a host name.
fn keeper(name: &str) -> Version {
    version(&format!(
        "name = \"{name}\"\n[[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"web\"\n\
         [components.web]\nsource = \"state.wasm\"\nlinks = {{ 'wasi:keyvalue' = 'memory' }}\n"
    ))
}

#[test]
fn those_that_were_used_longest_ago() {
    let names = ["a", "b", "c", "d", "e"];
    let rooms = Dormitory::of(names.map(app).into(), 3);
    assert_eq!(rooms.states(), [Some(AppState::Asleep); 5]);
    assert!(rooms.site.readiness().starts_with("200"), "what sleeps is ready");
    for name in ["a", "b", "c"] {
        assert_eq!(rooms.site.get(&format!("/{name}/")).text(), "Hello from Wattle\n");
        let used = Instant::now();
        until("two in one millisecond are used at the same time", || (used.elapsed().as_millis() > 2).then_some(()));
    }
    assert_eq!(rooms.awake(), ["a", "b", "c"]);
    assert_eq!(rooms.site.get("/a/").status(), 200);
    assert_eq!(rooms.asked(), 3, "who is awake is not woken");
    assert_eq!(rooms.site.get("/d/").status(), 200);
    // There is room for more then: 95 of a hundred of three are two.
    assert_eq!(rooms.awake(), ["a", "d"]);
    assert_eq!(*rooms.waker.slept.lock().unwrap(), ["b", "c"]);
    assert_eq!(rooms.site.get("/b/").status(), 200);
    let requests = rooms.site.status_of("b").requests.unwrap();
    assert_eq!((requests.served, requests.failed), (2, 0), "its numbers go on");
    let [awake, asleep] = ["b", "c"].map(|name| rooms.site.status_of(name));
    assert_eq!(asleep.requests.unwrap().served, 1, "also while it sleeps");
    let rates = asleep.rates.unwrap();
    assert!(rates.requests_per_second > 0.0 && rates.cpu_percent > 0.0, "{rates:?}");
    until("its instance is gone", || (rooms.site.status_of("c").instances.unwrap().memory_bytes == 0).then_some(()));
    assert!(awake.code_bytes.unwrap() > 0 && asleep.code_bytes.is_none());
}

#[test]
fn what_it_keeps_in_memory() {
    let rooms = Dormitory::of(["one", "two", "three"].map(keeper).into(), 1);
    let ask = |name: &str, method: &str, body: &str| {
        let mut connection = Connection::open(rooms.site.address).host(&format!("{name}.test"));
        connection.call(method, "/kv/b/k", body.as_bytes())
    };
    for name in ["one", "two", "three"] {
        assert_eq!(ask(name, "PUT", name).status(), 204);
    }
    assert_eq!(rooms.awake(), ["three"]);
    for name in ["one", "two", "three"] {
        assert_eq!(ask(name, "GET", "").text(), name);
    }
}

/// Eight clients ask for all of them all the time, and hardly any has room.
#[test]
fn no_request_fails() {
    let names: Vec<String> = (0..8).map(|number| format!("app-{number}")).collect();
    let rooms = Dormitory::of(names.iter().map(|name| app(name)).collect(), 2);
    let end = Instant::now() + Duration::from_secs(3);
    thread::scope(|scope| {
        for client in 0..8 {
            let (rooms, names) = (&rooms, &names);
            scope.spawn(move || {
                let mut connection = Connection::open(rooms.site.address);
                for number in client.. {
                    let answer = connection.call("GET", &format!("/{}/", names[(number * 3) % 8]), b"");
                    assert!(answer.status() == 200 && answer.is_complete(), "{}", answer.summary());
                    if Instant::now() > end {
                        break;
                    }
                }
            });
        }
    });
    assert!(rooms.asked() > 16, "they were put to sleep again and again: {}", rooms.asked());
    // Who was busy when the last one came stayed; the next that wakes has them sleep.
    until("there is room again", || {
        let sleeps = names.iter().find(|name| !rooms.awake().contains(name)).unwrap();
        assert_eq!(rooms.site.get(&format!("/{sleeps}/")).status(), 200);
        (rooms.awake().len() <= 2).then_some(())
    });
}

/// One try for all who wait for it; who cannot be started is not tried for each request, and keeps nobody from the others.
#[test]
fn who_does_not_wake() {
    let rooms = Dormitory::of(["bad", "good"].map(app).into(), 10);
    rooms.waker.waits.send_replace(true);
    thread::scope(|scope| {
        let all: Vec<_> = (0..50).map(|_| scope.spawn(|| rooms.site.get("/good/").status())).collect();
        until("one of them has it woken", || (rooms.asked() > 0).then_some(()));
        rooms.waker.waits.send_replace(false);
        assert!(all.into_iter().all(|asked| asked.join().unwrap() == 200));
    });
    assert_eq!(rooms.asked(), 1);
    rooms.waker.is_broken.store(true, Ordering::Relaxed);
    let answer = rooms.site.get("/bad/");
    assert_eq!(
        (answer.status(), answer.code().as_deref(), answer.header("retry-after")),
        (503, Some("app-asleep"), Some("1"))
    );
    assert_eq!(rooms.site.get("/bad/").status(), 503);
    assert_eq!(rooms.asked(), 2, "the second one was not tried");
    assert_eq!(rooms.site.get("/good/").status(), 200);
    rooms.waker.is_broken.store(false, Ordering::Relaxed);
    until("it is tried again", || (rooms.site.get("/bad/").status() == 200).then_some(()));
    assert_eq!(rooms.asked(), 3);
}

/// Who takes too long is not waited for, and goes on.
#[test]
fn who_wakes_slowly() {
    let rooms = Dormitory::of(vec![app("slow")], 10);
    rooms.waker.waits.send_replace(true);
    let answer = rooms.site.get("/slow/");
    assert_eq!((answer.status(), answer.code().as_deref()), (503, Some("app-asleep")));
    rooms.waker.waits.send_replace(false);
    assert_eq!(rooms.site.get("/slow/").status(), 200);
    assert_eq!(rooms.asked(), 1);
}

/// What does something without a request, has one under way, or has links that nobody wrote down.
#[test]
fn who_stays_awake() {
    let cron = "[[triggers.cron]]\nschedule = \"0 0 1 1 *\"\ncomponent = \"job\"\n[components.job]\nsource = \"module.wasm\"\n";
    let slow = version(
        "name = \"slow\"\n[[triggers.http]]\npath = \"/slow/...\"\ncomponent = \"web\"\n\
         [components.web]\nsource = \"misbehave.wasm\"\nlinks = { 'wasi:keyvalue' = 'memory' }\n\
         [[triggers.http]]\npath = \"/sleep\"\ncomponent = \"web\"\n",
    );
    let rooms = Dormitory::of(vec![with("cron", cron), slow, keeper("linked"), app("a"), app("b")], 1);
    assert_eq!(rooms.site.get("/cron/").status(), 200);
    let mut under_way = Connection::open(rooms.site.address);
    under_way.request("GET", "/sleep?ms=8000", b"");
    until("it is under way", || rooms.awake().contains(&"slow".to_owned()).then_some(()));
    Connection::open(rooms.site.address).host("linked.test").call("PUT", "/kv/b/k", b"x");
    let linked = rooms.apps.keys().find(|app| app.name.as_str() == "linked").unwrap();
    let interface = "wasi:keyvalue/store".parse().unwrap();
    let provider = "memory".parse().unwrap();
    let (app, component) = (linked.clone(), "web".parse().unwrap());
    let relinked = rooms.site.wait(rooms.site.host.act(Action::SetLink { app, component, interface, provider }));
    for name in ["a", "b", "a"] {
        assert_eq!(rooms.site.get(&format!("/{name}/")).status(), 200);
    }
    let awake = rooms.awake();
    assert!(["cron", "slow"].iter().all(|name| awake.contains(&(*name).to_owned())), "{awake:?}");
    assert_eq!(awake.contains(&"linked".to_owned()), relinked.is_ok(), "{awake:?} {relinked:?}");
    assert_eq!(under_way.answer("GET").text(), "slept 8000 ms\n");
}

/// A route of an app that sleeps is its own; who stops it takes that back.
#[test]
fn what_sleeps_has_its_routes() {
    let rooms = Dormitory::of(vec![app("a")], 10);
    let rival = with("rival", "[[triggers.http]]\npath = \"/a/...\"\ncomponent = \"web\"\n");
    let taken = rooms.site.wait(rooms.site.host.start(&rival.app, &rival.bytes)).unwrap_err();
    assert_eq!(taken.to_string(), "the route /a/... belongs to the app default/a already");
    let taken = rooms.site.host.reserve(&rival.app.id, rival.app.routes.iter().map(HttpRoute::key).collect(), None);
    assert_eq!(taken.unwrap_err().to_string(), "the route /a/... belongs to the app default/a already");
    let a = rooms.apps.keys().next().unwrap();
    assert!(rooms.site.wait(rooms.site.host.stop(a)));
    assert_eq!(rooms.site.get("/a/").code().as_deref(), Some("no-route"));
    rooms.site.wait(rooms.site.host.start(&rival.app, &rival.bytes)).unwrap();
    assert_eq!((rooms.site.get("/a/").status(), rooms.site.get("/rival/").status()), (200, 200));
    assert_eq!(rooms.asked(), 0);
    // A host that has nobody who wakes apps has none that sleep.
    let other = Site::empty(|host| host);
    let refused = other.host.reserve(a, Vec::new(), None).unwrap_err();
    assert!(matches!(refused, StartError::NoWaker(_)), "{refused}");
}
