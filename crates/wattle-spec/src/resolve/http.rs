//! Routes: every HTTP trigger must name a folder, or a component that answers HTTP requests.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Found, FoundComponents};
use crate::fault::{Fault, listed};
use crate::manifest::{HttpTrigger, Manifest, TriggerTarget, Written};
use crate::name::ComponentName;
use crate::route::{HttpRoute, RouteKey, RouteTarget};
use crate::shape::Kind;

/// The routes of the triggers, and what is wrong with them. Relative folders start from `base`.
pub(super) fn routes(
    manifest: &Manifest,
    found: &FoundComponents,
    base: &Path,
    faults: &mut Vec<Fault>,
) -> Vec<HttpRoute> {
    let mut seen = BTreeSet::new();
    for trigger in &manifest.triggers.http {
        let TriggerTarget::Component(name) = &trigger.target else { continue };
        if seen.insert(name) {
            faults.extend(found.get(&name.value).and_then(|component| deaf(name, component)));
        }
    }
    manifest.triggers.http.iter().map(|trigger| route(trigger, base)).collect()
}

fn route(trigger: &HttpTrigger, base: &Path) -> HttpRoute {
    let RouteKey { host, path } = trigger.key();
    HttpRoute {
        host,
        path,
        target: match &trigger.target {
            TriggerTarget::Component(name) => RouteTarget::Component(name.value.clone()),
            TriggerTarget::Files(folder) => RouteTarget::Files(base.join(&folder.value.0)),
        },
    }
}

/// Why a component cannot answer, if it cannot.
fn deaf(name: &Written<ComponentName>, found: &Found) -> Option<Fault> {
    if found.shape.http_handler().is_some() {
        return None;
    }
    let (message, hint) = match found.shape.kind {
        Kind::Module => (
            format!("`{name}` is a core module, and only a component can answer HTTP requests"),
            "build it with `--target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`"
                .into(),
        ),
        Kind::Component02 | Kind::Component03 => (
            format!("component `{name}` does not answer HTTP requests"),
            format!(
                "it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports {}",
                if found.shape.exports.is_empty() { "nothing".into() } else { listed(&found.shape.exports) }
            ),
        ),
    };
    Some(Fault::new(message).at(name.span.clone()).hint(hint))
}
