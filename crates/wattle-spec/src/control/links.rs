//! What provides the imports of apps that run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::link::{Link, Linked, Provider, Rule};
use crate::name::{AppId, BackendName, ComponentName};

/// The links of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppLinks {
    /// Which app.
    pub app: AppId,
    /// Its components, by name.
    pub components: Vec<ComponentLinks>,
}

/// The links of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentLinks {
    /// Which one.
    pub component: ComponentName,
    /// What each of its imports is joined to.
    pub links: Vec<LinkStatus>,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MoveReport {
    /// Of which app.
    pub app: AppId,
    /// Where it was. It is there still, and nobody reads it.
    pub from: BackendName,
    /// Where it is.
    pub to: BackendName,
    /// Keys, or objects and containers, that were copied; what changed meanwhile counts each time.
    pub copied: u64,
    /// The bytes of their values or contents.
    pub bytes: u64,
    /// For how long calls waited at the end, in milliseconds.
    pub held_ms: u64,
    /// The components with links that lead there now.
    pub components: Vec<ComponentLinks>,
}

/// What an import is joined to, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkStatus {
    /// What is imported, or opened by name.
    pub import: String,
    /// `built-in`, `backend` or `component`; of what another rule would have given also `refused`.
    pub provider: String,
    /// The name of the backend, if it is one.
    pub backend: Option<BackendName>,
    /// The name of the component, if it is one.
    pub component: Option<ComponentName>,
    /// How that is called: `apart` or `together`.
    pub mode: Option<String>,
    /// Which rule of the hierarchy chose it, as a word for programs.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
}

impl LinkStatus {
    /// That `rule` gives `what` this provider; `None`: one that cannot be had.
    pub(super) fn new(what: &Linked, provider: Option<&Provider>, rule: Rule, reason: &str) -> Self {
        let (provider, backend, component, mode) = match provider {
            None => ("refused", None, None, None),
            Some(Provider::BuiltIn) => ("built-in", None, None, None),
            Some(Provider::Backend(name)) => ("backend", Some(name.clone()), None, None),
            Some(Provider::Component { name, mode }) => ("component", None, Some(name.clone()), Some(mode.to_string())),
        };
        let (import, rule) = (what.to_string(), rule.key().into());
        Self { import, provider: provider.into(), backend, component, mode, rule, reason: reason.into() }
    }
}

impl From<&Link> for LinkStatus {
    fn from(link: &Link) -> Self {
        Self::new(&link.what, Some(&link.provider), link.rule, &link.reason)
    }
}
