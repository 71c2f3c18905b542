//! The whole story of what provides the imports of apps that run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LinkStatus;
use crate::app::App;
use crate::name::{AppId, ComponentName};
use crate::resolve::{Behind, Explained, Other, explain_app};

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedApp {
    /// Which.
    pub app: AppId,
    /// Its components, by name.
    pub components: Vec<ExplainedComponent>,
}

/// One of its components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedComponent {
    /// Which.
    pub component: ComponentName,
    /// Whether it runs for as long as the app does.
    pub service: bool,
    /// What it imports, and opens by name.
    pub imports: Vec<ExplainedImport>,
}

/// One of its imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedImport {
    /// What provides it, and why.
    #[serde(flatten)]
    pub link: LinkStatus,
    /// What is in force there, as keys and values of a manifest. Nothing of it is secret: files with secrets are named.
    pub settings: BTreeMap<String, String>,
    /// What the other rules would have given, the one that comes next first.
    pub others: Vec<LinkStatus>,
}

impl ExplainedApp {
    /// `app` as it runs, and as it began: all of it, or one component. `behind` is what stands behind its providers.
    pub fn of(app: &App, first: &App, component: Option<&ComponentName>, behind: &Behind<'_>) -> Self {
        let mut components: BTreeMap<_, _> = app
            .components
            .iter()
            .filter(|(name, _)| component.is_none_or(|wanted| wanted == *name))
            .map(|(name, spec)| {
                let service = spec.service.is_some();
                (name, ExplainedComponent { component: name.clone(), service, imports: Vec::new() })
            })
            .collect();
        for explained in explain_app(app, first) {
            if let Some(component) = components.get_mut(&explained.component) {
                component.imports.push(ExplainedImport::of(&explained, behind));
            }
        }
        Self { app: app.id.clone(), components: components.into_values().collect() }
    }
}

impl ExplainedImport {
    fn of(explained: &Explained, behind: &Behind<'_>) -> Self {
        let Explained { what, outcome, reason, others, .. } = explained;
        let (provider, rule) = outcome.as_ref().expect("invariant: nothing is refused of an app that runs");
        let other = |Other { rule, outcome, reason }: &Other| match outcome {
            Ok(provider) => LinkStatus::new(what, Some(provider), *rule, reason),
            Err(refusal) => LinkStatus::new(what, None, *rule, &refusal.message),
        };
        Self {
            link: LinkStatus::new(what, Some(provider), *rule, reason),
            settings: behind.settings(provider).into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            others: others.iter().map(other).collect(),
        }
    }
}
