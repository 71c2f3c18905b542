//! The policy as written: `[policy]` in the host's file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Approval, ImportRule, NamePattern, Policy, SignedRule, Unsigned};
use crate::document::{HostPath, Written};
use crate::fault::Fault;
use crate::interface::Interface;
use crate::reference::RegistryName;

/// `[policy]`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub(crate) struct PolicyEntry {
    /// What becomes of components that no rule of `signed` is about, those in files included.
    #[serde(default)]
    #[schemars(extend("default" = "allow"))]
    unsigned: Unsigned,
    /// When somebody has to approve a version with `wattle approve` before it runs.
    #[serde(default)]
    #[schemars(extend("default" = "never"))]
    approval: Approval,
    /// Who must have signed what. An artifact has to meet every rule that is about it.
    #[serde(default)]
    signed: Vec<SignedEntry>,
    /// What apps may import from the host. An app may import what any rule that is about it allows; one that no rule is
    /// about may import everything.
    #[serde(default)]
    imports: Vec<ImportEntry>,
}

/// `[[policy.signed]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct SignedEntry {
    /// Which artifacts, by the names of their repositories: `*` stands for any characters but `/`, `**` for any.
    artifacts: Written<NamePattern>,
    /// The files of public keys as PEM, relative to this file. One of them must have signed.
    keys: Vec<HostPath>,
}

/// `[[policy.imports]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct ImportEntry {
    /// Which apps, by name: `*` stands for any characters.
    apps: Written<NamePattern>,
    /// The interfaces and packages that they may import.
    allow: Vec<Interface>,
}

impl PolicyEntry {
    /// What it means.
    pub(crate) fn resolved(self) -> Policy {
        let Self { unsigned, approval, signed, imports } = self;
        let keys = |keys: Vec<HostPath>| keys.into_iter().map(|HostPath(path)| path.into()).collect();
        let signed =
            signed.into_iter().map(|rule| SignedRule { artifacts: rule.artifacts.value, keys: keys(rule.keys) });
        let imports = imports.into_iter().map(|ImportEntry { apps, allow }| ImportRule { apps: apps.value, allow });
        Policy { unsigned, approval, signed: signed.collect(), imports: imports.collect() }
    }
}

/// Rules that nothing can meet, and rules that are about nothing.
pub(crate) fn rule_faults(policy: &PolicyEntry) -> Vec<Fault> {
    let mut faults = Vec::new();
    for rule in &policy.signed {
        let pattern = &rule.artifacts;
        if rule.keys.is_empty() {
            let hint = "name the files of public keys, as in keys = [\"acme.pub\"]; `wattle key new` makes a pair";
            faults
                .push(Fault::new(format!("the rule for `{pattern}` names no key")).at(pattern.span.clone()).hint(hint));
        }
        if !is_about_repositories(&pattern.value.to_string()) {
            let message = format!("no repository is called `{pattern}`, so that the rule is about nothing");
            let hint = "write registry and path as references have them, as in ghcr.io/acme/**";
            faults.push(Fault::new(message).at(pattern.span.clone()).hint(hint));
        }
    }
    for ImportEntry { apps, .. } in &policy.imports {
        if apps.value.to_string().contains(['/', ':', '.', '_']) {
            let message = format!("no app is called `{apps}`, so that the rule is about nothing");
            let hint = "names of apps are lower-case letters, digits and hyphens, as in shop-*";
            faults.push(Fault::new(message).at(apps.span.clone()).hint(hint));
        }
    }
    faults
}

/// Whether some reference may be meant.
fn is_about_repositories(pattern: &str) -> bool {
    let Some((registry, path)) = pattern.split_once('/') else { return pattern.contains("**") };
    let is_registry = registry.contains('*') || registry.parse::<RegistryName>().is_ok();
    is_registry && !path.starts_with('/') && !path.ends_with('/') && !path.is_empty()
}
