//! `wattle check`: every fault of a manifest, without running anything.

use serde::Serialize;
use wattle_spec::fault::{Fault, Place};

use super::{print, print_json};
use crate::app_file::AppFile;
use crate::cli::Check;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Checked<'a> {
    file: String,
    faults: Vec<CheckedFault<'a>>,
}

#[derive(Serialize)]
struct CheckedFault<'a> {
    message: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<&'a str>,
}

pub(crate) fn run(arguments: &Check) -> Result<(), Problem> {
    let checked = AppFile::read(&arguments.what).and_then(|file| {
        let app = file.resolve()?;
        Ok((file, app))
    });
    match checked {
        Ok((file, _)) if arguments.json => {
            print_json(&Checked { file: file.file.display().to_string(), faults: Vec::new() })
        }
        Ok((file, app)) => print(&format!(
            "{}: app {} is fine ({}, {})\n",
            file.file.display(),
            file.name(),
            counted(app.components.len(), "component"),
            counted(app.routes.len(), "route"),
        )),
        Err(problem) => {
            if arguments.json
                && let Problem::Faults { file, text, faults } = &problem
            {
                let faults = faults.iter().map(|fault| told(text, fault)).collect();
                print_json(&Checked { file: file.display().to_string(), faults })?;
            }
            Err(problem)
        }
    }
}

fn told<'a>(text: &str, fault: &'a Fault) -> CheckedFault<'a> {
    let place: Option<Place> = fault.place(text);
    CheckedFault {
        message: &fault.message,
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        hint: fault.hint.as_deref(),
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
