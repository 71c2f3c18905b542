//! Routes: every HTTP trigger must name a component that answers HTTP requests.

use std::collections::BTreeSet;

use super::{Found, FoundComponents};
use crate::fault::{Fault, listed};
use crate::manifest::{HttpTrigger, Manifest};
use crate::route::{HostName, HttpRoute};
use crate::shape::Kind;

/// The routes of the triggers, and what is wrong with them.
pub(super) fn routes(manifest: &Manifest, found: &FoundComponents, faults: &mut Vec<Fault>) -> Vec<HttpRoute> {
    let mut names: BTreeSet<String> = manifest.components.keys().map(|name| name.to_string()).collect();
    names.extend(manifest.cut.components.iter().cloned());
    faults.extend(manifest.triggers.faults(&names));
    let mut seen = BTreeSet::new();
    for trigger in manifest.triggers.http.iter().filter(|trigger| seen.insert(&trigger.component)) {
        let component = found.get(&trigger.component.value);
        faults.extend(component.and_then(|component| deaf(trigger, component)));
    }
    manifest.triggers.http.iter().map(route).collect()
}

fn route(trigger: &HttpTrigger) -> HttpRoute {
    HttpRoute {
        host: trigger.host.as_ref().map(|host| HostName::as_str(&host.value).into()),
        path: trigger.path.value.clone(),
        component: trigger.component.value.clone(),
    }
}

/// Why a component cannot answer, if it cannot.
fn deaf(trigger: &HttpTrigger, found: &Found) -> Option<Fault> {
    let name = &trigger.component;
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
