//! Links: one import of one component (or a name that it opens), joined to one provider, with the rule that chose it.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::interface::Interface;
use crate::label::Label;
use crate::name::{BackendName, ComponentName};
use crate::resolve::{Other, State};
use crate::shape::ImportName;

/// What provides an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// The host itself, without a state that could be elsewhere: clocks, HTTP types, logging, the app's own config.
    BuiltIn,
    /// A backend, by name: one of the manifest, of the host, or a built-in one (`memory`, `disk`).
    Backend(BackendName),
    /// Another component of the app, which exports it.
    Component {
        /// Which one.
        name: ComponentName,
        /// How its instances are kept.
        mode: Mode,
    },
}

/// How a component is called by another one of its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// In an instance of its own: its limits and traps are its own, and only plain values cross.
    #[default]
    Apart,
    /// In the caller's instance, composed with it: any type crosses; limits, deadline and traps are shared.
    Together,
}

/// Which rule of the hierarchy chose a provider: the first that applies wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The operator set it while the app runs.
    Operator,
    /// The operator moved what is kept where the link of the manifest leads.
    Moved,
    /// A link on the component in the manifest.
    ComponentLink,
    /// A link on the app in the manifest.
    AppLink,
    /// Another component of the app exports it, and no other one does.
    Sibling,
    /// What a default chose when the app first started.
    Recorded,
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
    /// The state that is kept through it. `None`: none, or whatever the component that provides it keeps.
    pub state: Option<State>,
    /// Whether the component goes on while it waits for the host.
    pub is_concurrent: bool,
    /// What it gets.
    pub provider: Provider,
    /// Which rule chose that.
    pub rule: Rule,
    /// Why, in words.
    pub reason: String,
    /// What the other rules would have given, the one that comes next first.
    pub others: Vec<Other>,
}

impl Rule {
    /// Every rule, in the order of the hierarchy.
    pub const ALL: [Self; 8] = [
        Rule::Operator,
        Rule::Moved,
        Rule::ComponentLink,
        Rule::AppLink,
        Rule::Sibling,
        Rule::Recorded,
        Rule::HostDefault,
        Rule::BuiltIn,
    ];

    /// The rule that `key` is the word for.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.key() == key)
    }

    /// The rule as a word for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Rule::Operator => "operator",
            Rule::Moved => "moved",
            Rule::ComponentLink => "component-link",
            Rule::AppLink => "app-link",
            Rule::Sibling => "sibling",
            Rule::Recorded => "recorded",
            Rule::HostDefault => "host-default",
            Rule::BuiltIn => "built-in",
        }
    }
}

impl Provider {
    /// The component, if it is one.
    pub fn component(&self) -> Option<&ComponentName> {
        match self {
            Provider::Component { name, .. } => Some(name),
            Provider::BuiltIn | Provider::Backend(_) => None,
        }
    }
}

impl Link {
    /// The import and the component, if it joins an import to a component that is called together.
    pub fn together(&self) -> Option<(&ImportName, &ComponentName)> {
        match (&self.what, &self.provider) {
            (Linked::Import(import), Provider::Component { name, mode: Mode::Together }) => Some((import, name)),
            _ => None,
        }
    }
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
            Provider::Component { name, mode } => write!(f, "component {name} ({mode})"),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Apart => "apart",
            Mode::Together => "together",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Operator => "set while it runs",
            Rule::Moved => "moved",
            Rule::ComponentLink => "link on the component",
            Rule::AppLink => "link on the app",
            Rule::Sibling => "sibling",
            Rule::Recorded => "recorded",
            Rule::HostDefault => "default of the host",
            Rule::BuiltIn => "built-in",
        })
    }
}
