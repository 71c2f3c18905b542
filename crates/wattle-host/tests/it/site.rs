//! A host with an app that is updated again and again, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use wattle_backend::error::BackendError;
use wattle_backend::memory::{MemoryBus, MemoryKeyValue};
use wattle_backend::stores::Stores;
use wattle_host::{BackendSource, CodeCache, Host, HostBuilder, HostError, StartError};
use wattle_spec::app::App;
use wattle_spec::backend::EngineSpec;
use wattle_spec::control::AppStatus;
use wattle_spec::digest::Digest;
use wattle_spec::report::Report;
use wattle_testkit::{Connection, PATIENCE, Response};

use crate::rig::resolved;

/// A version of an app, with its bytes.
pub(crate) struct Version {
    pub(crate) app: App,
    pub(crate) bytes: BTreeMap<Digest, Bytes>,
}

/// The version that `manifest` says.
pub(crate) fn version(manifest: &str) -> Version {
    let (app, bytes) = resolved(manifest);
    Version { app, bytes }
}

/// An app whose component `web` answers everything, with these lines more.
pub(crate) fn shop(guest: &str, lines: &str) -> Version {
    version(&format!(
        "name = \"shop\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
         [components.web]\nsource = \"{guest}.wasm\"\n{lines}\n"
    ))
}

/// For a guest that keeps something.
pub(crate) const KEEPS: &str = "links = { 'wasi:keyvalue' = 'memory' }\n";

/// A host. It ends in good order when this is dropped.
pub(crate) struct Site {
    runtime: Runtime,
    pub(crate) host: Arc<Host>,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    reports: Arc<Mutex<Vec<Report>>>,
    pub(crate) bus: Arc<MemoryBus>,
    _code: tempfile::TempDir,
}

/// The memory of a host, whose bus a test has too.
struct InMemory(Stores);

impl BackendSource for InMemory {
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok((*engine == EngineSpec::Memory).then(|| self.0.clone()))
    }
}

impl Site {
    /// A host that runs `version`.
    pub(crate) fn start(version: &Version) -> Self {
        let site = Self::empty(|host| host);
        site.wait(site.host.start(&version.app, &version.bytes)).unwrap();
        site
    }

    /// A host without apps that `change` has changed.
    pub(crate) fn empty(change: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (reports, bus) = (Arc::<Mutex<Vec<Report>>>::default(), Arc::new(MemoryBus::default()));
        let (seen, code) = (reports.clone(), tempfile::tempdir().unwrap());
        let key_value = Some(Arc::new(MemoryKeyValue::default()) as _);
        let stores = Stores { key_value, bus: Some(bus.clone()), ..Stores::default() };
        let host = Host::builder()
            .metrics()
            .backend_source(InMemory(stores))
            .code_cache(CodeCache::open(code.path().join("code")).unwrap())
            .reports(move |report| seen.lock().unwrap().push(report));
        let host = Arc::new(change(host).build().unwrap());
        let entered = runtime.enter();
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, admin) = (host.listen(socket()).unwrap(), host.listen_admin(socket()).unwrap());
        drop(entered);
        Self { runtime, host, address, admin, reports, bus, _code: code }
    }

    /// Waits for `work`, but not for ever.
    #[track_caller]
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let waited = self.runtime.block_on(async { tokio::time::timeout(PATIENCE * 3, work).await });
        waited.expect("it ends")
    }

    pub(crate) fn update(&self, version: &Version) -> Result<(), StartError> {
        self.wait(self.host.update(&version.app, &version.bytes))
    }

    /// The same, beside something else.
    pub(crate) fn updating(&self, version: Version) -> tokio::task::JoinHandle<Result<(), StartError>> {
        let host = self.host.clone();
        self.runtime.spawn(async move { host.update(&version.app, &version.bytes).await })
    }

    /// Serves on one more address: which one.
    pub(crate) fn listen(&self) -> Result<SocketAddr, HostError> {
        let _entered = self.runtime.enter();
        self.host.listen(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Serves on `address` no more. How many connections were cut there, if it served.
    pub(crate) fn unlisten(&self, address: SocketAddr) -> Option<usize> {
        let entered = self.runtime.enter();
        let ended = self.host.unlisten(address)?;
        drop(entered);
        Some(self.wait(ended).cut)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Connection::open(self.address).call("GET", path, b"")
    }

    pub(crate) fn status(&self) -> AppStatus {
        self.status_of("shop")
    }

    pub(crate) fn status_of(&self, name: &str) -> AppStatus {
        let status = self.wait(self.host.status());
        status.apps.into_iter().find(|app| app.app.name.as_str() == name).unwrap()
    }

    /// What somebody who asks whether the host is ready is told.
    pub(crate) fn readiness(&self) -> String {
        let answer = Connection::open(self.admin).call("GET", "/readyz", b"");
        format!("{} {}", answer.status(), answer.text())
    }

    /// The counters in `/metrics` that begin with `name`, with their values.
    pub(crate) fn counters(&self, name: &str) -> BTreeMap<String, u64> {
        let text = Connection::open(self.admin).call("GET", "/metrics", b"").text();
        let lines = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
        lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    /// Waits until so many requests of the app are under way.
    #[track_caller]
    pub(crate) fn under_way(&self, count: u64) {
        wattle_testkit::until("so many are under way", || {
            (self.status().requests.unwrap().in_flight == count).then_some(())
        });
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let ended =
            self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), self.host.drain()).await });
        if !std::thread::panicking() {
            assert!(ended.is_ok(), "the host does not end");
        }
    }
}
