//! What a person asks for of an app: one component, or what it imports of a package, of an interface or under a label.

use std::collections::BTreeSet;

use wattle_spec::fault::{listed, nearest};
use wattle_spec::label::LinkKey;
use wattle_spec::link::Linked;
use wattle_spec::resolve::Explained;

use crate::app_file::ExplainedComponent;
use crate::problem::Problem;

/// Leaves the component that is called `name`.
pub(super) fn to_component(all: &mut Vec<ExplainedComponent>, name: &str) -> Result<(), Problem> {
    let names: BTreeSet<String> = all.iter().map(|component| component.name.to_string()).collect();
    if !names.contains(name) {
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its components are {}", listed(&names)),
        };
        return Err(Problem::NotThere { what: format!("component `{name}` in the app"), hint });
    }
    all.retain(|component| component.name.as_str() == name);
    Ok(())
}

/// Leaves of a component the imports and names that `wanted` speaks of: a key of a link does, and so does a whole name.
pub(super) fn to_import(component: &mut ExplainedComponent, wanted: &str) -> Result<(), Problem> {
    let key: Option<LinkKey> = wanted.parse().ok();
    let speaks =
        |explained: &Explained| key.as_ref().is_some_and(|key| speaks(key, &explained.what, &component.imports));
    let meant =
        component.imports.iter().filter(|explained| explained.what.to_string() == wanted || speaks(explained)).cloned();
    let meant: Vec<_> = meant.collect();
    if meant.is_empty() {
        let texts: BTreeSet<String> = component.imports.iter().map(|explained| explained.what.to_string()).collect();
        let hint = match nearest(wanted, texts.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("what it imports is {}", listed(&texts)),
        };
        let what = format!("import of `{wanted}` in component `{}`", component.name);
        return Err(Problem::NotThere { what, hint });
    }
    component.imports = meant;
    Ok(())
}

/// Whether a key speaks of one of `all`. Without a label it speaks of every label, and of every name that is opened through
/// what it speaks of.
fn speaks(key: &LinkKey, what: &Linked, all: &[Explained]) -> bool {
    let is_import = |what: &Linked| match what {
        Linked::Import(import) => import.interface().is_some_and(|interface| key.interface.covers(interface)),
        Linked::Name { .. } => false,
    };
    let speaks = match what {
        Linked::Import(_) => is_import(what),
        Linked::Name { package, .. } => {
            key.interface.package_key() == *package && all.iter().any(|explained| is_import(&explained.what))
        }
    };
    speaks && key.label.as_ref().is_none_or(|label| what.label() == Some(label))
}
