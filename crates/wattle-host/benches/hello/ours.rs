//! The host under test, with the defaults: all limits on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;

use bytes::Bytes;
use wattle_host::{Host, offers};
use wattle_spec::digest::Digest;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Found, resolve};
use wattle_spec::shape::Shape;
use wattle_testkit::guests;

pub(crate) struct Servers {
    pub(crate) fresh: SocketAddr,
    pub(crate) reused: SocketAddr,
    pub(crate) shared: SocketAddr,
}

impl Servers {
    pub(crate) fn start() -> Self {
        Self {
            fresh: serve(&guests::hello(), None),
            reused: serve(&guests::hello(), NonZeroU32::new(u32::MAX)),
            shared: serve(&guests::hello_p3(), NonZeroU32::new(u32::MAX)),
        }
    }
}

/// Serves the component at `path` for as long as the process runs.
fn serve(path: &Path, reuse: Option<NonZeroU32>) -> SocketAddr {
    let bytes = Bytes::from(std::fs::read(path).expect("the guest is built"));
    let name: ComponentName = "hello".parse().expect("a name");
    let found = Found { digest: Digest::of(&bytes), shape: Shape::read(&bytes).expect("a component") };
    let source = BTreeMap::from([(found.digest, bytes)]);
    let manifest = Manifest::for_component(&name, Source::File(path.into()));
    let found = BTreeMap::from([(name, found)]);
    let mut app = resolve(&manifest, &found, &offers(), &HostSpec::default(), Path::new("/")).expect("an app");
    for component in app.components.values_mut() {
        component.instances.reuse = reuse.unwrap_or(component.instances.reuse);
    }
    let (address, serving) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let host = Host::builder().build().expect("a host");
            host.start(&app, &source).await.expect("the app starts");
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            address.send(host.listen(listener).expect("a listener")).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    serving.recv().expect("the host starts")
}
