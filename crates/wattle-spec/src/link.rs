//! Links: one import of one component, joined to one provider, with the rule that chose it.

use std::fmt;

use crate::name::BackendName;
use crate::shape::ImportName;

/// What provides an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// The host itself, without a state that could be elsewhere: clocks, HTTP types, logging, the app's own config.
    BuiltIn,
    /// A backend, by name: one of the manifest, of the host, or a built-in one (`memory`, `disk`).
    Backend(BackendName),
}

/// Which rule of the hierarchy chose a provider: the first that applies wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A link on the component in the manifest.
    ComponentLink,
    /// A link on the app in the manifest.
    AppLink,
    /// A default that the operator set on the host.
    HostDefault,
    /// What is compiled into the host.
    BuiltIn,
}

/// One import, its provider and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What the component imports.
    pub import: ImportName,
    /// What it gets.
    pub provider: Provider,
    /// Why.
    pub rule: Rule,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provider::BuiltIn => f.write_str("built-in"),
            Provider::Backend(name) => write!(f, "backend {name}"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::ComponentLink => "link on the component",
            Rule::AppLink => "link on the app",
            Rule::HostDefault => "default of the host",
            Rule::BuiltIn => "built-in",
        })
    }
}
