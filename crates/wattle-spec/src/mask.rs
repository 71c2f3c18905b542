//! Manifests and hosts' files as they may be shown: with stars in place of what is not for everybody's eyes.
//!
//! Every other byte keeps its place, so that faults still are where they were. Names stay, and so do the keys of a table
//! whose values are hidden.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{alternative, dismantle};
use crate::fault::nearest;

/// The keys whose values are hidden: variables, configuration, header fields.
const HIDDEN: [&str; 3] = ["config", "env", "headers"];

/// The key of the names of secrets. Of anything but a list of names the values are hidden.
const NAMES: &str = "secrets";

/// What a line or a table speaks of, in a text that is no TOML, whose values may be secrets.
const SUSPECT: [&str; 7] = ["config", "env", "header", "password", "secret", "seed", "token"];

/// `text`, a manifest, without the values of `env` and `config`, nor those of keys that mean nothing.
pub fn manifest(text: &str) -> String {
    masked(text, &crate::manifest::schema())
}

/// `text`, a host's file, without the values of `telemetry.headers`, nor those of keys that mean nothing: a `password`
/// or a `token`, which have to be in files.
pub fn host_file(text: &str) -> String {
    masked(text, &crate::host_file::schema())
}

fn masked(text: &str, schema: &Value) -> String {
    let (root, errors) = DeTable::parse_recoverable(text);
    let secrets = match errors.is_empty() {
        true => values(root.get_ref(), schema),
        false => suspects(text),
    };
    dismantle(root.into_inner());
    let mut bytes = text.as_bytes().to_vec();
    for place in secrets.into_iter().flatten() {
        if !b"\r\n".contains(&bytes[place]) {
            bytes[place] = b'*';
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where the values are that no schema tells may be shown. What has none, nothing below it has.
fn values(root: &DeTable<'_>, schema: &Value) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut work: Vec<_> = entries(root, schema).collect();
    while let Some((value, schema)) = work.pop() {
        match value.get_ref() {
            DeValue::Table(table) => work.extend(entries(table, schema)),
            DeValue::Array(array) => work.extend(array.iter().map(|item| (item, item_schema(schema, item)))),
            _ if !schema.is_object() => spans.push(value.span()),
            _ => {}
        }
    }
    spans
}

/// The values of a table, each with its schema.
fn entries<'r, 's>(
    table: &'r DeTable<'_>,
    schema: &'s Value,
) -> impl Iterator<Item = (&'r Spanned<DeValue<'r>>, &'s Value)> {
    table.iter().map(move |(key, value)| (value, value_schema(schema, key.get_ref(), value.get_ref())))
}

/// The schema of the value of `key`, or of the key that was meant, if its value may be shown.
fn value_schema<'s>(schema: &'s Value, key: &str, value: &DeValue<'_>) -> &'s Value {
    let known = schema["properties"].as_object();
    let free = &schema["additionalProperties"];
    let name = match free.is_object() {
        true => known.and_then(|known| known.get_key_value(key)).map(|(name, _)| name.as_str()),
        false => nearest(key, known.into_iter().flatten().map(|(name, _)| name.as_str())),
    };
    match name {
        Some(name) if HIDDEN.contains(&name) => &Value::Null,
        Some(NAMES) if value.as_array().is_none() => &Value::Null,
        Some(name) => alternative(&schema["properties"][name], value),
        None => alternative(free, value),
    }
}

/// The schema of an item, if it may be shown: one with `=` is no name alone.
fn item_schema<'s>(schema: &'s Value, item: &Spanned<DeValue<'_>>) -> &'s Value {
    let items = &schema["items"];
    match items["format"] == "secret-name" && item.get_ref().as_str().is_some_and(|name| name.contains('=')) {
        true => &Value::Null,
        false => alternative(items, item.get_ref()),
    }
}

/// What may be one in a text that is no TOML: whatever comes behind the key in a line or a table that speaks of such.
/// Behind a line that is no TOML by itself, as one where a value begins, everything up to the next table.
fn suspects(text: &str) -> Vec<Range<usize>> {
    let (mut start, mut in_table, mut in_value, mut spans) = (0, false, false, Vec::new());
    for line in text.split_inclusive('\n') {
        let folded = line.to_ascii_lowercase();
        let is_suspect = SUSPECT.iter().any(|word| folded.contains(word));
        let is_table = line.trim_start().starts_with('[');
        if is_table {
            // One with quotes may as well be a list within a value.
            let is_list = line.contains(['"', '\'']);
            in_table = is_suspect || in_table && is_list;
            in_value &= is_list;
        }
        let end = start + line.len();
        if in_value {
            spans.push(start..end);
        } else if in_table || is_suspect {
            match line.find(['=', ':']) {
                Some(behind) => spans.push(start + behind + 1..end),
                None if is_table => {}
                None => spans.push(start..end),
            }
            in_value = !DeTable::parse_recoverable(line).1.is_empty();
        }
        start = end;
    }
    spans
}
