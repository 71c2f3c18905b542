//! The host under test, with the defaults: all limits on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;
use wattle_backend::error::BackendError;
use wattle_backend::stores::Stores;
use wattle_host::{BackendSource, HostBuilder, offers};
use wattle_spec::app::App;
use wattle_spec::backend::EngineSpec;
use wattle_spec::digest::Digest;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::resolve::{Found, resolve};
use wattle_spec::shape::Shape;

/// For the end of a manifest: requests for every path.
pub(crate) const ROUTE: &str = "[[triggers.http]]\npath = \"/...\"\ncomponent = \"bench\"\n";
/// For a manifest: an instance that is used for as long as it goes well.
pub(crate) const REUSED: &str = "instances.reuse = 4294967295";

/// A backend that is there whatever was asked for.
struct Only(Stores);

impl BackendSource for Only {
    fn open(&self, _: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok(Some(self.0.clone()))
    }
}

/// A host that serves until this is dropped.
pub(crate) struct Serving {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the host does not panic");
        }
    }
}

/// Serves, on that `host`, the app of one component, `bench`, that is the file `guest` and that `manifest` describes, with
/// all that it keeps in `stores`.
pub(crate) fn serve(host: HostBuilder, guest: &Path, manifest: &str, stores: Stores) -> Serving {
    let manifest = format!("name = \"bench\"\n[components.bench]\nsource = {guest:?}\n{manifest}\n");
    serve_all(host, &[manifest], stores)
}

/// Serves the apps of these `manifests`, all of whose components are files, with all that they keep in `stores`.
pub(crate) fn serve_all(host: HostBuilder, manifests: &[String], stores: Stores) -> Serving {
    let apps: Vec<Prepared> = manifests.iter().map(|manifest| Prepared::of(manifest)).collect();
    let (address, serving) = std::sync::mpsc::channel();
    let (end, ended) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let host = host.backend_source(Only(stores)).build().expect("a host");
            for Prepared { app, source } in apps {
                host.start(&app, &source).await.expect("the app starts");
            }
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            address.send(host.listen(listener).expect("a listener")).expect("somebody waits");
            let _ = ended.await;
        });
    });
    let address = serving.recv().expect("the host starts");
    Serving { address, end: Some(end), thread: Some(thread) }
}

/// An app that can be started.
struct Prepared {
    app: App,
    source: BTreeMap<Digest, Bytes>,
}

impl Prepared {
    fn of(manifest: &str) -> Self {
        let manifest = Manifest::parse(manifest).expect("a manifest");
        let (mut found, mut source) = (BTreeMap::new(), BTreeMap::new());
        for (name, component) in &manifest.components {
            let Source::File(file) = &component.source.value else { panic!("{name:?} is no file") };
            let bytes = Bytes::from(std::fs::read(file).expect("the guest is built"));
            let digest = Digest::of(&bytes);
            found.insert(name.value.clone(), Found { digest, shape: Shape::read(&bytes).expect("a component") });
            source.insert(digest, bytes);
        }
        let app = resolve(&manifest, &found, offers(), &HostSpec::default(), Path::new("/")).expect("an app");
        Self { app, source }
    }
}
