//! `wattle explain --running`: the same of apps that run, as their hosts tell it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use wattle_spec::control::{ExplainedApp, ExplainedImport};
use wattle_spec::fault::{listed, nearest};
use wattle_spec::label::LinkKey;
use wattle_spec::link::Rule;
use wattle_spec::name::{AppId, ComponentName};

use super::story::Story;
use crate::cli::Explain;
use crate::control::{Answers, Hosts};
use crate::problem::Problem;
use crate::verb::link::provider;
use crate::verb::{print, print_json, stop};

pub(super) fn run(arguments: &Explain) -> Result<(), Problem> {
    let mut answers = stop::runtime()?.block_on(ask(arguments))?;
    if let Some(import) = &arguments.import {
        narrow(&mut answers, import)?;
    }
    match (arguments.json, &arguments.import) {
        (true, _) => print_json(&answers),
        (false, None) => print(&page(answers.apps())),
        (false, Some(_)) => print(&stories(answers.apps())),
    }
}

async fn ask(Explain { what, component, reaching, .. }: &Explain) -> Result<Answers<ExplainedApp>, Problem> {
    let app = match what.path == Path::new(".") {
        true => None,
        false => Some(app(&what.path)?),
    };
    let component = component.as_ref().map(|name| name.parse()).transpose().map_err(|error| Problem::NotThere {
        what: format!("component {:?}", component.as_deref().unwrap_or_default()),
        hint: format!("{error}"),
    })?;
    let target = match (&app, component) {
        (None, _) => "/v1/explain".to_owned(),
        (Some(app), None::<ComponentName>) => format!("/v1/explain?app={app}"),
        (Some(app), Some(component)) => format!("/v1/explain?app={app}&component={component}"),
    };
    Hosts::find(&reaching.reach()).await?.ask(app.as_ref(), &target).await
}

/// The app that is called like that.
fn app(path: &Path) -> Result<AppId, Problem> {
    let name = path.to_string_lossy();
    name.parse().map_err(|_| Problem::NotThere {
        what: format!("app {name:?} that runs"),
        hint: "with `--running` an app is named, and not its folder: `wattle ps` shows those that run".into(),
    })
}

/// Leaves what `wanted` speaks of: without a label every label, and every name that is opened through it.
fn narrow(answers: &mut Answers<ExplainedApp>, wanted: &str) -> Result<(), Problem> {
    let key: Option<LinkKey> = wanted.parse().ok();
    let speaks = |import: &ExplainedImport| {
        let (Some(key), Ok(LinkKey { interface, label })) = (&key, import.link.import.parse()) else { return false };
        let is_opened = interface.name.is_none() && key.interface.package_key() == interface;
        (key.interface.covers(&interface) || is_opened) && (key.label.is_none() || key.label == label)
    };
    let mut known = BTreeSet::new();
    let mut is_found = false;
    for component in answers.apps_mut().flat_map(|app| &mut app.components) {
        known.extend(component.imports.iter().map(|import| import.link.import.clone()));
        component.imports.retain(|import| import.link.import == wanted || speaks(import));
        is_found |= !component.imports.is_empty();
    }
    if is_found {
        return Ok(());
    }
    let hint = match nearest(wanted, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("what is imported is {}", listed(&known)),
    };
    Err(Problem::NotThere { what: format!("import of `{wanted}`"), hint })
}

/// One table per component, as the page of a manifest has it.
fn page<'a>(apps: impl Iterator<Item = &'a ExplainedApp>) -> String {
    let mut pages = Vec::new();
    for app in apps {
        let imports = || app.components.iter().flat_map(|component| &component.imports);
        let import_width = imports().map(|import| import.link.import.len()).max().unwrap_or(0);
        let provider_width = imports().map(|import| provider(&import.link).len()).max().unwrap_or(0);
        for component in &app.components {
            let role = if component.service { " (service)" } else { "" };
            let mut page = format!("{}/{}{role}\n", app.app, component.component);
            for import in &component.imports {
                let (name, from) = (&import.link.import, provider(&import.link));
                let _ = writeln!(page, "  {name:import_width$}  {from:provider_width$}  {}", reason(import));
            }
            pages.push(page);
        }
    }
    pages.join("\n")
}

/// Why it is so, and in short what would come next if that is something else.
fn reason(ExplainedImport { link, others, .. }: &ExplainedImport) -> String {
    let mut providers: Vec<_> = std::iter::once(link).chain(others).map(provider).collect();
    providers.dedup();
    let others: String = providers[1..].iter().map(|other| format!("; else {other}")).collect();
    format!("{}{others}", link.reason)
}

fn stories<'a>(apps: impl Iterator<Item = &'a ExplainedApp>) -> String {
    let mut stories = Vec::new();
    for app in apps {
        for component in &app.components {
            let of = |import| story(&format!("{}/{}", app.app, component.component), import).to_string();
            stories.extend(component.imports.iter().map(of));
        }
    }
    stories.join("\n")
}

fn story(component: &str, ExplainedImport { link, settings, others }: &ExplainedImport) -> Story {
    let rule = |key: &str| Rule::from_key(key).map_or_else(|| key.to_owned(), |rule| rule.to_string());
    Story {
        title: format!("{} of {component}", link.import),
        provider: provider(link),
        settings: settings.iter().map(|(key, value)| format!("{key} = {value}")).collect(),
        rule: Some(rule(&link.rule)),
        because: link.reason.clone(),
        hint: None,
        others: others.iter().map(|one| format!("{} ({}): {}", provider(one), rule(&one.rule), one.reason)).collect(),
    }
}
