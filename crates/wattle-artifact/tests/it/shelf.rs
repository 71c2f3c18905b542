//! A registry that has what a test puts there, whatever real ones would say to it, and an empty store to pull into.

use std::collections::BTreeMap;

use bytes::Bytes;
use tempfile::TempDir;
use wattle_artifact::fetch::{Artifacts, By, Resolved};
use wattle_artifact::format::component::{About, Packed, pack};
use wattle_artifact::format::manifest::{Annotations, Descriptor};
use wattle_artifact::registry::Settings;
use wattle_artifact::store::Store;
use wattle_spec::digest::Digest;
use wattle_spec::shape::Shape;
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::settings;

/// What a registry has.
#[derive(Default)]
pub(crate) struct Shelf(BTreeMap<String, Bytes>);

impl Shelf {
    /// Puts bytes there, and describes them.
    pub(crate) fn add(&mut self, kind: &str, bytes: impl Into<Bytes>) -> Descriptor {
        let bytes = bytes.into();
        let descriptor = Descriptor::of(kind, &bytes);
        self.0.insert(descriptor.digest.to_string(), bytes);
        descriptor
    }

    pub(crate) fn add_packed(&mut self, packed: &Packed) {
        self.add("", packed.manifest.clone());
        for (_, bytes) in &packed.blobs {
            self.add("", bytes.clone());
        }
    }

    /// Takes them away.
    pub(crate) fn remove(&mut self, digest: &Digest) {
        self.0.remove(&digest.to_string()).expect("it is there");
    }

    pub(crate) fn serve(self) -> FakeRegistry {
        FakeRegistry::start(move |request, _| {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            match self.0.get(path.rsplit('/').next().unwrap_or_default()) {
                Some(bytes) => Reply::new("200 OK", "", bytes),
                None => Reply::new("404 Not Found", "", ""),
            }
        })
    }
}

/// A machine with an empty store.
pub(crate) struct Machine {
    pub(crate) artifacts: Artifacts,
    _directory: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        Self { artifacts: Artifacts::new(store, Some(settings)), _directory: directory }
    }
}

/// What somebody wrote down.
pub(crate) fn written(digest: Digest) -> Resolved {
    Resolved { digest, by: By::Writer }
}

/// A component whose bytes differ by `text`.
pub(crate) fn wasm(text: &str) -> Bytes {
    wat::parse_str(format!("(component (@custom \"description\" {text:?}))")).unwrap().into()
}

pub(crate) fn packed(name: &str, wasm: &Bytes) -> Packed {
    pack(wasm.clone(), &Shape::read(wasm).unwrap(), &about(name))
}

pub(crate) fn about(name: &str) -> About {
    About {
        title: format!("{name}.wasm"),
        created: "1970-01-01T00:00:00Z".into(),
        target: None,
        annotations: Annotations::new(),
    }
}
