//! Health: what an app is asked for must be a path of one of its routes.

use crate::fault::{Fault, listed};
use crate::manifest::Manifest;
use crate::route::HttpRoute;

/// What is wrong with the path that an app with these `routes` is asked for.
pub(super) fn fault(manifest: &Manifest, routes: &[HttpRoute]) -> Option<Fault> {
    let path = &manifest.health.as_ref()?.path;
    let is_known = routes.iter().any(|route| route.path.matches(path.value.as_str()));
    if is_known || manifest.cut.routes {
        return None;
    }
    let hint = match routes {
        [] => format!("add a trigger, as in [[triggers.http]] with `path = \"{path}\"` and a component"),
        _ => format!("the paths of its routes are {}", listed(routes.iter().map(|route| &route.path))),
    };
    Some(Fault::new(format!("no route of the app has the path `{path}`")).at(path.span.clone()).hint(hint))
}
