//! A host on a thread of its own, with an app from the text of a manifest, and what it reports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;
use wattle_host::{Host, HostBuilder, offers};
use wattle_spec::app::App;
use wattle_spec::digest::Digest;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::report::Report;
use wattle_spec::resolve::{Found, resolve};
use wattle_spec::shape::Shape;
use wattle_testkit::{guests, until};

use crate::clock::HeldClock;

/// A host that runs an app. It ends in good order when this is dropped.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    reports: Arc<Mutex<Vec<Report>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rig {
    /// Starts the app of `manifest`, which has a schedule, on a host with `clock` that `change` has changed, and waits until
    /// it sleeps.
    pub(crate) fn start(
        manifest: &str,
        clock: &HeldClock,
        change: impl FnOnce(HostBuilder) -> HostBuilder + Send + 'static,
    ) -> Self {
        let (app, bytes) = resolved(manifest);
        let reports = Arc::<Mutex<Vec<Report>>>::default();
        let (seen, held, naps) = (reports.clone(), clock.clone(), clock.naps());
        let (address, serving) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let host = Host::builder().clock(held).reports(move |report| seen.lock().unwrap().push(report));
                let host = change(host).build().unwrap();
                host.start(&app, &bytes).await.unwrap();
                let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                address.send(host.listen(listener).unwrap()).unwrap();
                let _ = stopped.await;
                let _ = host.drain().await;
            });
        });
        let address = serving.recv().unwrap();
        until("it sleeps", || (clock.naps() > naps).then_some(()));
        Self { address, reports, stop: Some(stop), thread: Some(thread) }
    }

    /// What was reported so far.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    /// How much was reported so far.
    pub(crate) fn count(&self) -> usize {
        self.reports.lock().unwrap().len()
    }

    /// Waits until so much has been reported, and says what happened at which tick.
    #[track_caller]
    pub(crate) fn told(&self, count: usize) -> String {
        until("there are so many reports", || (self.count() >= count).then_some(()));
        self.reports().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().unwrap().join();
    }
}

fn line(report: &Report) -> String {
    match report {
        Report::CronRan { tick, .. } => format!("ran {}", tick.at.format("%F %T")),
        Report::CronFailed { tick, reason, .. } => format!("failed {}: {reason}", tick.at.format("%F %T")),
        Report::CronSkipped { tick, reason } => format!("skipped {}: {reason}", tick.at.format("%F %T")),
        Report::CronWaits { until, .. } => format!("waits until {}", until.format("%F %T")),
        other => format!("{other:?}"),
    }
}

/// The app of a manifest whose sources are guests.
pub(crate) fn resolved(text: &str) -> (App, BTreeMap<Digest, Bytes>) {
    let manifest = Manifest::parse(text).unwrap();
    let (mut found, mut all) = (BTreeMap::new(), BTreeMap::new());
    for (name, entry) in manifest.entries() {
        let Source::File(file) = &entry.source.value else { panic!("tests of the host have files") };
        let (_, path) = guests::all().into_iter().find(|(guest, _)| file.ends_with(format!("{guest}.wasm"))).unwrap();
        let bytes = Bytes::from(std::fs::read(path).unwrap());
        let digest = Digest::of(&bytes);
        found.insert(name.value.clone(), Found { digest, shape: Shape::read(&bytes).unwrap() });
        all.insert(digest, bytes);
    }
    (resolve(&manifest, &found, offers(), &HostSpec::default(), Path::new("/")).unwrap(), all)
}
