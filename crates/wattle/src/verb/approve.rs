//! `wattle approve`: lets a version of an app ask for more than the one before, where the policy of its host wants that
//! approved.

use serde::Serialize;
use wattle_spec::policy::Approval;

use super::check::counted;
use super::{harmless, print, print_json, tell};
use crate::app_file::AppFile;
use crate::artifacts::Asking;
use crate::cli::Approve;
use crate::kept;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Approved {
    app: String,
    /// What it may ask for now, and might not before.
    more: Vec<String>,
    /// What it asks for no more.
    less: Vec<String>,
}

pub(crate) fn run(arguments: &Approve) -> Result<(), Problem> {
    let mut file = AppFile::read(&arguments.what, Asking::Registries { pull: None })?;
    kept::recall(&mut file, arguments.data_dir.as_deref())?;
    let app = file.resolve_unapproved()?;
    let kept = kept::approved(&file, arguments.data_dir.as_deref())?;
    let before = kept.approved.as_ref().map(|approved| approved.asks.clone()).unwrap_or_default();
    let asks = file.asks(&app);
    let (more, less) = (asks.beyond(&before), before.beyond(&asks));
    if !arguments.dry_run {
        kept.approve(&app, asks)?;
    }
    if file.host.policy.approval == Approval::Never {
        tell("warning: this host asks for no approval; in its file, [policy] approval = \"wider\" does\n");
    }
    if arguments.json {
        return print_json(&Approved { app: app.id.to_string(), more, less });
    }
    let line = |sign, ask: &String| format!("{sign} {}\n", harmless(ask));
    let lines = more.iter().map(|ask| line('+', ask)).chain(less.iter().map(|ask| line('-', ask)));
    print(&lines.collect::<String>())?;
    let may = if arguments.dry_run { "would be let ask" } else { "may ask" };
    tell(&format!("{} {may} for {} more and {} less\n", app.id, counted(more.len(), "thing"), less.len()));
    Ok(())
}
