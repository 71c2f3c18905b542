//! `wattle check`: every fault of a manifest and of its host's file, and of the files that they name, without running anything.

use serde::Serialize;
use wattle_spec::fault::{Fault, Place};

use super::{print, print_json};
use crate::app_file::AppFile;
use crate::artifacts::Asking;
use crate::cli::Check;
use crate::kept;
use crate::problem::{FaultyText, Problem};
use crate::report;

/// What `--json` prints.
#[derive(Serialize)]
struct Checked {
    file: String,
    faults: Vec<CheckedFault>,
}

#[derive(Serialize)]
struct CheckedFault {
    /// The file that it is in, if it is in one.
    file: Option<String>,
    message: String,
    line: Option<usize>,
    column: Option<usize>,
    hint: Option<String>,
}

pub(crate) fn run(arguments: &Check) -> Result<(), Problem> {
    let checked = AppFile::read(&arguments.what, Asking::Nobody).and_then(|mut file| {
        kept::recall(&mut file, arguments.data_dir.as_deref())?;
        let app = file.resolve_with_files()?;
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
            if arguments.json {
                let file = match &problem {
                    Problem::Faults(texts) => texts.first().map(|text| &text.file),
                    _ => None,
                };
                let file = file.unwrap_or(&arguments.what.path).display().to_string();
                print_json(&Checked { file, faults: told(&problem) })?;
            }
            Err(problem)
        }
    }
}

/// What is wrong, whether it is a fault in a text or that there is none.
fn told(problem: &Problem) -> Vec<CheckedFault> {
    let Problem::Faults(texts) = problem else {
        return vec![CheckedFault {
            file: None,
            message: report::sentence(problem),
            line: None,
            column: None,
            hint: problem.hint(),
        }];
    };
    texts.iter().flat_map(|text| text.faults.iter().map(|fault| in_text(text, fault))).collect()
}

fn in_text(text: &FaultyText, fault: &Fault) -> CheckedFault {
    let place: Option<Place> = fault.place(&text.text);
    CheckedFault {
        file: Some(text.file.display().to_string()),
        message: fault.message.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        hint: fault.hint.clone(),
    }
}

pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
