//! What the policy of the host does not let an app import.

use super::explain::Explained;
use crate::fault::{Fault, listed};
use crate::host_file::HostSpec;
use crate::interface::Interface;
use crate::link::{Linked, Provider};
use crate::manifest::Manifest;
use crate::policy::ImportRule;
use crate::shape::{ImportName, stands_for};

/// Refuses the imports that the host would provide and may not. What components of the app give each other is theirs.
pub(super) fn refuse(manifest: &Manifest, host: &HostSpec, all: &mut [Explained]) {
    for explained in all.iter_mut() {
        let Some(Provider::BuiltIn | Provider::Backend(_)) = explained.provider() else { continue };
        let Some(interface) = of_host(explained) else { continue };
        let rules = host.policy.against(&manifest.name.value, &interface);
        if rules.is_empty() {
            continue;
        }
        let fault = refusal(manifest, explained, &rules);
        explained.reason.clone_from(&fault.message);
        explained.outcome = Err(fault);
    }
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

fn refusal(manifest: &Manifest, explained: &Explained, rules: &[&ImportRule]) -> Fault {
    let Explained { component, what, .. } = explained;
    let message = format!(
        "component `{component}` imports `{what}`, which the policy of this host does not let the app `{}` have",
        manifest.name
    );
    let allowed = |rule: &&ImportRule| match rule.allow.is_empty() {
        true => format!("the rule for `{}` allows nothing", rule.apps),
        false => format!("the rule for `{}` allows {}", rule.apps, listed(&rule.allow)),
    };
    let hint = rules.iter().map(allowed).collect::<Vec<_>>().join(", ");
    let fault = Fault::new(message).hint(format!("{hint}: ask the operator of the host, or use another host"));
    let entry = manifest.entries().find(|(name, _)| name.value == *component);
    match entry {
        Some((_, entry)) => fault.at(entry.source.span.clone()),
        None => fault,
    }
}
