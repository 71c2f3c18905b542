//! What to do about a fault of structure: the hints of [`super::check`].

use serde_json::Value;
use toml::de::DeValue;

use crate::fault::{listed, nearest};

/// What to write in place of a key that nothing knows: a key for a file that holds it, a table below that knows it, else
/// the nearest key, else all of them.
pub(super) fn unknown(name: &str, schema: &Value) -> String {
    let known = || schema["properties"].as_object().into_iter().flatten();
    let of_file = format!("{name}-file");
    if known().any(|(key, _)| *key == of_file) {
        return format!("write it into a file, and the path of that as `{of_file}`");
    }
    let owner = known().find(|(_, below)| below["properties"].get(name).is_some());
    if let Some((owner, _)) = owner {
        return format!("`{name}` belongs in `{owner}`");
    }
    match nearest(name, known().map(|(key, _)| key.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", listed(known().map(|(key, _)| key))),
    }
}

/// What to write for a key that is missing.
pub(super) fn missing(key: &str, schema: &Value) -> Option<String> {
    match schema["type"].as_str() {
        Some("object") => Some(format!("add a table, as in [{key}.NAME]")),
        _ => {
            let value = schema["examples"][0].as_str().or(super::check::words(schema).next());
            value.map(|value| format!("add {key} = {value:?}"))
        }
    }
}

/// What to write in place of a value of the wrong type.
pub(super) fn wrong_type(path: &str, found: &DeValue<'_>, schema: &Value) -> Option<String> {
    match (schema["type"].as_str(), found) {
        (Some("array"), DeValue::Table(_)) if schema["items"]["type"] == "object" => {
            Some(format!("write [[{path}]], with two brackets"))
        }
        (Some("object"), DeValue::Array(_)) => Some(format!("write [{path}], with one bracket")),
        (Some("string"), _) => match schema["examples"][0].as_str() {
            Some(example) => Some(format!("write it in quotes, as in {example:?}")),
            None => Some("write it in quotes".into()),
        },
        (Some("integer"), DeValue::String(_)) => Some("write it without quotes".into()),
        (Some("array"), _) => Some("write it in brackets".into()),
        _ => None,
    }
}

/// The word that was meant.
pub(super) fn word<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<String> {
    nearest(text, words).map(|near| format!("did you mean `{near}`?"))
}

/// What to do about a fault of TOML itself.
pub(super) fn syntax(message: &str) -> &'static str {
    match message.contains("duplicate") {
        true => "remove one of the two",
        false => "this is TOML: `key = \"value\"`, `[table]`, `[[list of tables]]`",
    }
}

/// A text that would be right.
pub(super) fn example(schema: &Value) -> Option<String> {
    let example = schema["examples"][0].as_str().or_else(|| schema["default"].as_str())?;
    Some(format!("as in `{example:?}`"))
}
