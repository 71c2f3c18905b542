//! Whole apps: made, published, pulled, and refused.

mod bad;
mod round_trip;

use std::collections::BTreeMap;

use bytes::Bytes;
use wattle_artifact::fetch::AppLimits;
use wattle_artifact::format::app::{AppAbout, AppParts, PackedApp, pack};

use crate::shelf::{packed, wasm};

const MANIFEST: &str = "name = \"shop\"\nversion = \"1.2.0\"\n# A comment stays.\n";
const LOCK: &str = "version = 1\n";
const LIMITS: AppLimits = AppLimits { component: 1 << 20, folder: 8 << 20, total: 16 << 20 };

fn about() -> AppAbout {
    AppAbout {
        name: "shop".parse().unwrap(),
        version: Some("1.2.0".into()),
        created: "1970-01-01T00:00:00Z".into(),
        annotations: BTreeMap::new(),
    }
}

/// An app of these components, without folders.
fn parts(components: &[&str]) -> AppParts {
    let component = |name: &&str| (name.parse().unwrap(), packed(name, &wasm(name)));
    AppParts {
        manifest: Bytes::from_static(MANIFEST.as_bytes()),
        lock: Some(Bytes::from_static(LOCK.as_bytes())),
        folders: BTreeMap::new(),
        components: components.iter().map(component).collect(),
    }
}

pub(crate) fn app(components: &[&str]) -> PackedApp {
    pack(parts(components), &about()).unwrap()
}
