//! A host's file as it may be shown: without the values of the header fields for its collector.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

/// `text`, a host's file, with stars in place of the values of `telemetry.headers`. Every other byte keeps its place, so
/// that faults still are where they were.
pub fn without_secrets(text: &str) -> String {
    let (root, errors) = DeTable::parse_recoverable(text);
    let secrets = match errors.is_empty() {
        true => values(root.get_ref()),
        false => suspects(text),
    };
    let mut bytes = text.as_bytes().to_vec();
    for place in secrets.into_iter().flatten() {
        if !b"\r\n".contains(&bytes[place]) {
            bytes[place] = b'*';
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where the values are, whatever they are.
fn values(root: &DeTable<'_>) -> Vec<Range<usize>> {
    let telemetry = root.get("telemetry").and_then(|value| value.get_ref().as_table());
    let Some(headers) = telemetry.and_then(|table| table.get("headers")) else { return Vec::new() };
    match headers.get_ref().as_table() {
        Some(fields) => fields.values().map(Spanned::span).collect(),
        None => vec![headers.span()],
    }
}

/// What may be one in a text that is no TOML: whatever comes behind `=` in a line or a table that speaks of headers.
fn suspects(text: &str) -> Vec<Range<usize>> {
    let (mut start, mut in_headers, mut spans) = (0, false, Vec::new());
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            in_headers = line.contains("headers");
        }
        if let Some(equals) = line.find('=').filter(|_| in_headers || line.contains("headers")) {
            spans.push(start + equals + 1..start + line.len());
        }
        start += line.len();
    }
    spans
}
