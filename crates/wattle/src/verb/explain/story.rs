//! The whole story of one import: what provides it with what is in force there, why, and what would come next.

use std::fmt;

use wattle_spec::resolve::{Behind, Explained};

use super::page::provider;
use crate::app_file::ExplainedComponent;

/// What is told of one import.
pub(super) struct Story {
    pub(super) title: String,
    pub(super) provider: String,
    /// What is in force there.
    pub(super) settings: Vec<String>,
    /// `None`: it is refused, whatever rule applies.
    pub(super) rule: Option<String>,
    pub(super) because: String,
    pub(super) hint: Option<String>,
    /// What the other rules would have given.
    pub(super) others: Vec<String>,
}

/// The stories of all imports that are left.
pub(super) fn of(components: &[ExplainedComponent], behind: &Behind<'_>) -> String {
    let imports = components.iter().flat_map(|component| &component.imports);
    imports.map(|explained| Story::new(explained, behind).to_string()).collect::<Vec<_>>().join("\n")
}

impl Story {
    fn new(explained: &Explained, behind: &Behind<'_>) -> Self {
        let (settings, rule, because, hint) = match &explained.outcome {
            Ok((provider, rule)) => {
                let settings = behind.settings(provider).into_iter().map(|(key, value)| format!("{key} = {value}"));
                (settings.collect(), Some(rule.to_string()), explained.reason.clone(), None)
            }
            Err(refusal) => (Vec::new(), None, refusal.message.clone(), refusal.hint.clone()),
        };
        let mut others = Vec::new();
        for other in &explained.others {
            let because = other.outcome.as_ref().map_or_else(|refusal| &refusal.message, |_| &other.reason);
            others.push(format!("{} ({}): {because}", provider(other.outcome.as_ref().ok()), other.rule));
        }
        let title = format!("{} of {}", explained.what, explained.component);
        Self { title, provider: provider(explained.provider()), settings, rule, because, hint, others }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let mut line = |key: &str, text: &str| {
            // A text of several lines, such as what can be pasted, stays in its column.
            writeln!(f, "  {key:9} {}", text.replace('\n', "\n            "))
        };
        line("provider", &self.provider)?;
        self.settings.iter().try_for_each(|setting| line("", setting))?;
        self.rule.iter().try_for_each(|rule| line("rule", rule))?;
        line("because", &self.because)?;
        self.hint.iter().try_for_each(|hint| line("hint", hint))?;
        self.others.iter().try_for_each(|other| line("else", other))
    }
}
