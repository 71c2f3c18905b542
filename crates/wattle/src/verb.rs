//! The verbs of the command line, one file each.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod schema;
mod stop;
pub(crate) mod up;

use std::io::{self, Write};

use serde::Serialize;

use crate::problem::Problem;

/// Writes data to stdout. That the reader has gone (`wattle ... | head`) is no problem.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::System { operation: "write to stdout", source: error })
        }
        _ => Ok(()),
    }
}

/// Tells people on stderr. That nobody listens is no problem.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes `value` as JSON to stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(value).expect("invariant: what we print has string keys");
    print(&format!("{text}\n"))
}
