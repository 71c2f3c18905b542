//! The list of guests in `wattle-testkit` is the list of guests in the tree.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::Breach;
use crate::guests::Guest;
use crate::root;

const LIST: &str = "crates/wattle-testkit/src/guests.rs";

pub(super) fn check() -> Result<Vec<Breach>> {
    let text = fs::read_to_string(root().join(LIST)).with_context(|| format!("read {LIST}"))?;
    let listed: BTreeSet<String> = text.lines().filter_map(entry).collect();
    let found: BTreeSet<String> =
        Guest::all()?.iter().map(|guest| format!("{} = \"{}\"", guest.identifier(), guest.name)).collect();
    let missing = found.difference(&listed).map(|entry| format!("{LIST}: the list lacks `{entry};`"));
    let extra = listed.difference(&found).map(|entry| format!("{LIST}: no guest for `{entry};`"));
    Ok(missing.chain(extra).collect())
}

/// A line of the list, such as `hello_p3 = "hello-p3";`.
fn entry(line: &str) -> Option<String> {
    let entry = line.trim().strip_suffix(';')?;
    let (identifier, name) = entry.split_once(" = ")?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let name = name.strip_prefix('"')?.strip_suffix('"')?;
    (is_name(identifier) && is_name(name)).then(|| entry.to_owned())
}
