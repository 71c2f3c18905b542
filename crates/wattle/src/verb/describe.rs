//! `wattle describe`: an app of a host that remembers it.

use wattle_spec::control::DeployedApp;

use super::table::Table;
use super::{harmless, print, print_json, stop};
use crate::cli::Describe;
use crate::control::{Answers, Hosts};
use crate::problem::Problem;

pub(crate) fn run(arguments: &Describe) -> Result<(), Problem> {
    let app = &arguments.app;
    let answers: Answers<DeployedApp> = stop::runtime()?.block_on(async {
        let hosts = Hosts::find(&arguments.asking.reach()).await?;
        hosts.ask(Some(app), &format!("/v1/apps?app={app}")).await
    })?;
    match arguments.asking.json {
        true => print_json(&answers),
        false => answers.apps().try_for_each(|app| print(&page(app))),
    }
}

fn page(app: &DeployedApp) -> String {
    let DeployedApp { app, state, reason, generation, generations } = app;
    // Of a first start nothing is kept yet.
    let current = if generations.is_empty() { "-".into() } else { generation.to_string() };
    let mut page = format!("app:         {app}\nstate:       {state}\ngeneration:  {current}\n");
    if let Some(reason) = reason {
        let lines: Vec<_> = reason.lines().map(harmless).collect();
        page += &format!("reason:      {}\n", lines.join("\n             "));
    }
    let mut table = Table::new(["GENERATION", "APPLIED", "VERSION", "COMPONENTS", "SOURCE"]);
    for kept in generations {
        let mark = if kept.generation == *generation { " *" } else { "" };
        let components: Vec<_> =
            kept.components.iter().map(|(name, digest)| format!("{name}@{}", &digest.hex()[..12])).collect();
        table.row([
            format!("{}{mark}", kept.generation),
            kept.applied.to_string(),
            kept.version.clone().unwrap_or_else(|| "-".into()),
            components.join(" "),
            kept.source.clone(),
        ]);
    }
    format!("{page}\n{table}")
}
