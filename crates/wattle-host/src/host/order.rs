//! In which order the components of an app are made: each after those that it calls.

use std::collections::BTreeSet;

use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::link::Provider;
use wattle_spec::name::ComponentName;

use crate::error::StartError;

/// The components of `app` that `wanted` need and themselves, each after those that it calls.
///
/// # Errors
///
/// If one calls itself through others, or a component that is not there.
pub(super) fn callees_first<'a>(
    app: &'a App,
    wanted: impl IntoIterator<Item = &'a ComponentName>,
) -> Result<Vec<(&'a ComponentName, &'a ComponentSpec)>, StartError> {
    let mut walk = Walk { app, path: Vec::new(), seen: BTreeSet::new(), order: Vec::new() };
    wanted.into_iter().try_for_each(|name| walk.visit(name))?;
    Ok(walk.order)
}

struct Walk<'a> {
    app: &'a App,
    /// From a wanted one to the one that is looked at.
    path: Vec<&'a ComponentName>,
    seen: BTreeSet<&'a ComponentName>,
    order: Vec<(&'a ComponentName, &'a ComponentSpec)>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, name: &'a ComponentName) -> Result<(), StartError> {
        let refused = |reason| StartError::Link { component: name.clone(), reason };
        if let Some(start) = self.path.iter().position(|other| *other == name) {
            let circle = self.path[start..].iter().chain([&name]).map(ToString::to_string);
            return Err(refused(format!("it would call itself: {}", circle.collect::<Vec<_>>().join(" -> "))));
        }
        if !self.seen.insert(name) {
            return Ok(());
        }
        let Some(spec) = self.app.components.get(name) else {
            let caller = self.path.last().map_or_else(|| name.clone(), |caller| (*caller).clone());
            return Err(StartError::Link { component: caller, reason: format!("there is no component {name}") });
        };
        self.path.push(name);
        for link in &spec.links {
            if let Provider::Component { name, .. } = &link.provider {
                self.visit(name)?;
            }
        }
        self.path.pop();
        self.order.push((name, spec));
        Ok(())
    }
}
