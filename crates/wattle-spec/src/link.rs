//! Links: one import of one component (or a name that it opens), joined to one provider, with the rule that chose it.

use std::fmt;

use crate::interface::Interface;
use crate::label::Label;
use crate::name::BackendName;
use crate::resolve::State;
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

/// What a link joins to its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// An import.
    Import(ImportName),
    /// What the component opens under this name, of a package that it imports without a label.
    Name {
        /// The package.
        package: Interface,
        /// The name.
        label: Label,
    },
}

/// One import or name, its provider and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is joined.
    pub what: Linked,
    /// The state that is kept through it.
    pub state: Option<State>,
    /// Whether the component goes on while it waits for it.
    pub is_concurrent: bool,
    /// What it gets.
    pub provider: Provider,
    /// Why.
    pub rule: Rule,
}

impl Linked {
    /// The interface, or of a name the package; `None`: a plain import.
    pub fn interface(&self) -> Option<&Interface> {
        match self {
            Linked::Import(import) => import.interface(),
            Linked::Name { package, .. } => Some(package),
        }
    }

    /// The name that the component uses for it, beside that of the interface.
    pub fn label(&self) -> Option<&Label> {
        match self {
            Linked::Import(import) => import.label(),
            Linked::Name { label, .. } => Some(label),
        }
    }
}

impl fmt::Display for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Linked::Import(import) => import.fmt(f),
            Linked::Name { package, label } => write!(f, "{package}#{label}"),
        }
    }
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
