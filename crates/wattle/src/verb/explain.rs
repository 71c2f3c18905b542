//! `wattle explain`: what provides each import of each component, and which rule chose it.

use std::fmt::Write;

use serde::Serialize;
use wattle_spec::link::{Provider, Rule};
use wattle_spec::resolve::Explained;

use super::{print, print_json};
use crate::app_file::AppFile;
use crate::cli::Explain;
use crate::problem::Problem;

/// What `--json` prints for each import.
#[derive(Serialize)]
struct Line<'a> {
    component: &'a str,
    import: String,
    /// `built-in` or `backend`; absent if the import is refused.
    provider: Option<&'static str>,
    /// The name of the backend.
    backend: Option<&'a str>,
    rule: &'static str,
    reason: &'a str,
    hint: Option<&'a str>,
}

pub(crate) fn run(arguments: &Explain) -> Result<(), Problem> {
    let file = AppFile::read(&arguments.what)?;
    let explained = file.explain()?;
    if arguments.json {
        let lines: Vec<Line<'_>> = explained.iter().map(line).collect();
        print_json(&lines)?;
    } else {
        print(&table(&explained))?;
    }
    // An app that is refused is explained too, and then refused.
    file.resolve().map(drop)
}

fn line(explained: &Explained) -> Line<'_> {
    let (provider, backend, rule) = match &explained.outcome {
        Ok((Provider::BuiltIn, rule)) => (Some("built-in"), None, rule_key(*rule)),
        Ok((Provider::Backend(name), rule)) => (Some("backend"), Some(name.as_str()), rule_key(*rule)),
        Err(_) => (None, None, "refused"),
    };
    Line {
        component: explained.component.as_str(),
        import: explained.import.to_string(),
        provider,
        backend,
        rule,
        reason: &explained.reason,
        hint: explained.outcome.as_ref().err().and_then(|refusal| refusal.hint.as_deref()),
    }
}

fn rule_key(rule: Rule) -> &'static str {
    match rule {
        Rule::ComponentLink => "component-link",
        Rule::AppLink => "app-link",
        Rule::HostDefault => "host-default",
        Rule::BuiltIn => "built-in",
    }
}

/// One table per component, its columns as wide as they must be.
fn table(explained: &[Explained]) -> String {
    let mut text = String::new();
    let mut component = None;
    let import_width = explained.iter().map(|line| line.import.to_string().len()).max().unwrap_or(0);
    let providers: Vec<String> = explained.iter().map(provider).collect();
    let provider_width = providers.iter().map(String::len).max().unwrap_or(0);
    for (explained, provider) in explained.iter().zip(&providers) {
        if component != Some(&explained.component) {
            let gap = if component.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", explained.component);
            component = Some(&explained.component);
        }
        let import = explained.import.to_string();
        let _ = writeln!(text, "  {import:import_width$}  {provider:provider_width$}  {}", explained.reason);
    }
    text
}

fn provider(explained: &Explained) -> String {
    match &explained.outcome {
        Ok((provider, _)) => provider.to_string(),
        Err(_) => "refused".into(),
    }
}
