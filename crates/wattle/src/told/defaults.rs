//! That what an app keeps stays where it was, though the defaults of now would lead it elsewhere.

use std::collections::BTreeSet;

use wattle_spec::link::{Provider, Rule};
use wattle_spec::name::AppId;
use wattle_spec::resolve::Explained;

use crate::app_file::ExplainedComponent;

/// Writes a line of the log for each package whose default is another one now.
pub(crate) fn log(app: &AppId, components: &[ExplainedComponent]) {
    let mut told = BTreeSet::new();
    for explained in components.iter().flat_map(|component| &component.imports) {
        let Some((kept, default)) = passed_over(explained) else { continue };
        let Some(package) = explained.what.interface().map(|interface| interface.package_key()) else { continue };
        let label = explained.what.label().map_or(String::new(), |label| format!("#{label}"));
        let import = format!("{package}{label}");
        if told.insert(import.clone()) {
            let hint = format!("wattle link move {} {} {import}={default}", app.name, explained.component);
            tracing::info!(%app, %import, backend = kept, %default, hint, "stays where it is recorded, not in the default");
        }
    }
}

/// The backend that is recorded, and another one that would be the default.
fn passed_over(explained: &Explained) -> Option<(&str, &str)> {
    let Ok((Provider::Backend(kept), Rule::Recorded)) = &explained.outcome else { return None };
    let mut defaults = explained.others.iter().filter(|other| matches!(other.rule, Rule::HostDefault | Rule::BuiltIn));
    match &defaults.next()?.outcome {
        Ok(Provider::Backend(default)) if default != kept => Some((kept.as_str(), default.as_str())),
        _ => None,
    }
}
