//! The verbs of the command line, one file each.

pub(crate) mod apply;
pub(crate) mod approve;
mod awaited;
mod backup;
mod bar;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod cron;
pub(crate) mod describe;
pub(crate) mod diff;
pub(crate) mod drain;
pub(crate) mod events;
pub(crate) mod explain;
mod following;
pub(crate) mod host;
pub(crate) mod inspect;
pub(crate) mod lifecycle;
pub(crate) mod link;
pub(crate) mod listener;
pub(crate) mod login;
pub(crate) mod logs;
pub(crate) mod new;
pub(crate) mod ps;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod run;
pub(crate) mod schema;
mod serving;
pub(crate) mod signature;
mod stop;
mod table;
pub(crate) mod up;

use std::io::{self, Write};

use serde::Serialize;

pub(crate) use self::stop::runtime;
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

/// A time as it is printed, to the second.
fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Tells people on stderr. That nobody listens is no problem.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The same text without what a terminal would obey: much of what hosts say was made up by guests.
pub(crate) fn harmless(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push(c),
            c if c.is_control() || turns(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// Writes `value` as JSON to stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(value).expect("invariant: what we print has string keys");
    print(&format!("{text}\n"))
}
