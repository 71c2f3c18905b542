//! Whether apps are ready: each part of a host that an app depends on says so by itself, and the app is ready when all of
//! them are. A backend is asked when somebody wants to know.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::join_all;
use serde_json::{Value, json};
use wattle_spec::control::Waiting;
use wattle_spec::name::{AppId, BackendName};

use crate::backing::Opened;

/// The most bytes of a reason that are kept.
const REASON_MAX: usize = 256;

/// Why a host that ends is not ready.
const ENDING: &str = "draining";

/// What the parts of a host say of its apps.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Arc<Registry>);

#[derive(Default)]
struct Registry {
    next: AtomicU64,
    apps: Mutex<BTreeMap<AppId, Parts>>,
    /// Whether the host ends, whatever its apps say.
    ends: AtomicBool,
}

type Parts = BTreeMap<u64, Part>;

struct Part {
    name: String,
    /// Why not. `None`: ready.
    reason: Option<String>,
    /// Who knows. `None`: the part says it by itself.
    backend: Option<Arc<Opened>>,
}

/// What one part says of one app. It is taken back when this is dropped.
pub(crate) struct Standing {
    registry: Arc<Registry>,
    app: AppId,
    id: u64,
}

impl Registry {
    fn apps(&self) -> MutexGuard<'_, BTreeMap<AppId, Parts>> {
        self.apps.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn set(&self, app: &AppId, id: u64, reason: Option<String>) {
        if let Some(part) = self.apps().get_mut(app).and_then(|parts| parts.get_mut(&id)) {
            part.reason = reason;
        }
    }
}

impl Readiness {
    /// From now on `app` waits for the part called `name` (say, `backend orders`), which is not ready yet, because of
    /// `reason`.
    pub(crate) fn wait_for(&self, app: &AppId, name: impl Into<String>, reason: &str) -> Standing {
        self.add(app, Part { name: name.into(), reason: Some(cut(reason)), backend: None })
    }

    /// From now on `app` has the part called `name`, which is ready.
    pub(crate) fn have(&self, app: &AppId, name: impl Into<String>) -> Standing {
        self.add(app, Part { name: name.into(), reason: None, backend: None })
    }

    /// From now on `app` depends on the `backend` that it calls `name`, which knows whether it can be used; so far it
    /// cannot because of `reason`, or can.
    pub(crate) fn depend_on(
        &self,
        app: &AppId,
        name: &BackendName,
        backend: Arc<Opened>,
        reason: Option<&str>,
    ) -> Standing {
        let reason = reason.map(str::to_owned);
        self.add(app, Part { name: format!("backend {name}"), reason, backend: Some(backend) })
    }

    fn add(&self, app: &AppId, part: Part) -> Standing {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.apps().entry(app.clone()).or_default().insert(id, part);
        Standing { registry: self.0.clone(), app: app.clone(), id }
    }

    /// Asks the backends that apps depend on, and notes what they say.
    pub(crate) async fn ask(&self) {
        let asked = {
            let apps = self.0.apps();
            let parts = apps.iter().flat_map(|(app, parts)| parts.iter().map(move |(id, part)| (app, id, part)));
            let asked = parts.filter_map(|(app, id, part)| Some((app.clone(), *id, part.backend.as_ref()?.ask())));
            asked.collect::<Vec<_>>()
        };
        let noted = asked.into_iter().map(async |(app, id, asked)| {
            let reason = asked.await;
            self.0.set(&app, id, reason.map(str::to_owned));
        });
        join_all(noted).await;
    }

    /// From now on nothing is ready: the host ends.
    pub(crate) fn end(&self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }

    /// Whether such an app runs or starts.
    pub(crate) fn knows(&self, app: &AppId) -> bool {
        self.0.apps().contains_key(app)
    }

    /// What each app waits for that runs or starts.
    pub(crate) fn waiting(&self) -> BTreeMap<AppId, Vec<Waiting>> {
        self.0.apps().iter().map(|(app, parts)| (app.clone(), waiting(parts))).collect()
    }

    /// Whether every app is ready and the host does not end, and of each app that is not, which parts say why not.
    pub(crate) fn summary(&self) -> (bool, Value) {
        let apps = self.0.apps();
        let of_app = |parts: &Parts| {
            let waiting = waiting(parts);
            json!({ "ready": waiting.is_empty(), "waiting": waiting })
        };
        let told: serde_json::Map<String, Value> =
            apps.iter().map(|(app, parts)| (app.to_string(), of_app(parts))).collect();
        if self.0.ends.load(Ordering::Relaxed) {
            return (false, json!({ "ready": false, "reason": ENDING, "apps": told }));
        }
        let ready = apps.values().flat_map(Parts::values).all(|part| part.reason.is_none());
        (ready, json!({ "ready": ready, "apps": told }))
    }
}

impl Standing {
    /// The part is ready.
    pub(crate) fn ready(&self) {
        self.set(None);
    }

    /// The part is not ready, for a reason that an operator understands and everybody may know.
    pub(crate) fn not_ready(&self, reason: &str) {
        self.set(Some(cut(reason)));
    }

    fn set(&self, reason: Option<String>) {
        self.registry.set(&self.app, self.id, reason);
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let mut apps = self.registry.apps();
        let Some(parts) = apps.get_mut(&self.app) else { return };
        parts.remove(&self.id);
        if parts.is_empty() {
            apps.remove(&self.app);
        }
    }
}

fn waiting(parts: &Parts) -> Vec<Waiting> {
    let waiting = |part: &Part| Some(Waiting { part: part.name.clone(), reason: part.reason.clone()? });
    parts.values().filter_map(waiting).collect()
}

fn cut(reason: &str) -> String {
    reason[..reason.floor_char_boundary(REASON_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use wattle_backend::stores::Stores;

    use super::*;

    #[test]
    fn of_several_parts() {
        let readiness = Readiness::default();
        assert_eq!(readiness.summary(), (true, json!({ "ready": true, "apps": {} })));
        let app = |name: &str| AppId::in_default_namespace(name.parse().expect("a name"));
        let start = readiness.wait_for(&app("shop"), "start", "starting");
        let backend = readiness.wait_for(&app("shop"), "backend orders", "connecting");
        let other = readiness.wait_for(&app("blog"), "start", "starting");
        start.ready();
        other.ready();
        let waiting = json!([{ "part": "backend orders", "reason": "connecting" }]);
        let apps = json!({
            "default/blog": { "ready": true, "waiting": [] },
            "default/shop": { "ready": false, "waiting": waiting },
        });
        assert_eq!(readiness.summary(), (false, json!({ "ready": false, "apps": apps })));
        backend.ready();
        assert!(readiness.summary().0);
        backend.not_ready(&"ü".repeat(REASON_MAX));
        assert!(!readiness.summary().0);
        drop(backend);
        assert!(readiness.summary().0);
        let opened = Arc::new(Opened::new(Stores::default()));
        let asked = readiness.depend_on(&app("shop"), &"memory".parse().expect("a name"), opened, None);
        assert!(readiness.summary().0, "it was asked before");
        drop((start, other, asked));
        assert_eq!(readiness.summary().1["apps"], json!({}));
        readiness.end();
        assert_eq!(readiness.summary(), (false, json!({ "ready": false, "reason": "draining", "apps": {} })));
    }
}
