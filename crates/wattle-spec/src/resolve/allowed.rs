//! What the policy of the host does not let an app import.

use super::explain::Explained;
use crate::fault::{Fault, listed};
use crate::host_file::HostSpec;
use crate::interface::Interface;
use crate::link::{Linked, Provider};
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::policy::ImportRule;
use crate::shape::{ImportName, stands_for};

/// Refuses the imports that the host would provide and may not. What components of the app give each other is theirs.
pub(super) fn refuse(manifest: &Manifest, host: &HostSpec, all: &mut [Explained]) {
    for of_component in all.chunk_by_mut(|one, other| one.component == other.component) {
        let mut refused: Vec<_> = of_component.iter_mut().filter(|import| !may_have(manifest, host, import)).collect();
        let Some(first) = refused.first() else { continue };
        // All of them are told at once.
        let fault = refusal(manifest, host, &first.component, &refused);
        for explained in &mut refused {
            explained.reason.clone_from(&fault.message);
            explained.outcome = Err(fault.clone());
        }
    }
}

fn may_have(manifest: &Manifest, host: &HostSpec, import: &Explained) -> bool {
    let Some(Provider::BuiltIn | Provider::Backend(_)) = import.provider() else { return true };
    of_host(import).is_none_or(|interface| host.policy.against(&manifest.name.value, &interface).is_empty())
}

/// The interface that the host gives. Of names that are opened the package counts, which is imported as well; names for
/// types alone are nothing that is given.
fn of_host(explained: &Explained) -> Option<Interface> {
    match &explained.what {
        Linked::Import(ImportName::Plain(name)) => stands_for(name),
        Linked::Import(_) => explained.offer.is_some().then(|| explained.what.interface().cloned()).flatten(),
        Linked::Name { .. } => None,
    }
}

fn refusal(manifest: &Manifest, host: &HostSpec, component: &ComponentName, refused: &[&mut Explained]) -> Fault {
    let imports: Vec<_> = refused.iter().map(|import| &import.what).collect();
    let message = format!(
        "component `{component}` imports {}, which the policy of this host does not let the app `{}` have",
        listed(imports),
        manifest.name
    );
    let allowed = |rule: &ImportRule| match rule.allow.is_empty() {
        true => format!("the rule for `{}` allows nothing", rule.apps),
        false => format!("the rule for `{}` allows {}", rule.apps, listed(&rule.allow)),
    };
    let rules = host.policy.imports.iter().filter(|rule| rule.apps.matches(manifest.name.value.as_str()));
    let rules = rules.map(allowed).collect::<Vec<_>>().join(", ");
    let fault = Fault::new(message).hint(format!("{rules}: ask the operator of the host, or use another host"));
    let entry = manifest.entries().find(|(name, _)| name.value == *component);
    match entry {
        Some((_, entry)) => fault.at(entry.source.span.clone()),
        None => fault,
    }
}
