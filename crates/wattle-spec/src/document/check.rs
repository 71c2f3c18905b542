//! The walk over a text with the schema: every fault of structure, and what is faulty cut out.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeString, DeTable, DeValue};

use super::advice;
use super::limits::judge_limit;
use crate::fault::{Fault, listed};
use crate::name::NAME_MAX_LEN;

/// Finds every fault of `root` and removes what is faulty from it, and with it every table that then lacks a key
/// which it needs.
pub(super) fn check(root: &mut DeTable<'_>, schema: &Value) -> Vec<Fault> {
    let mut walk = Walk { faults: Vec::new() };
    walk.table(root, Spot { path: "", span: None }, schema);
    walk.faults
}

struct Walk {
    faults: Vec<Fault>,
}

/// Where the walk is: the keys that lead there, and its bytes in the text. The root has none.
#[derive(Clone)]
struct Spot<'p> {
    path: &'p str,
    span: Option<Range<usize>>,
}

/// Whether a value may stay.
#[derive(PartialEq, Eq)]
enum Verdict {
    Sound,
    Faulty,
}

impl Walk {
    fn refuse(&mut self, fault: Fault) -> Verdict {
        self.faults.push(fault);
        Verdict::Faulty
    }

    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, path: &str, schema: &Value) -> Verdict {
        let span = value.span();
        let value = value.get_mut();
        let schema = alternative(schema, value);
        match (schema["type"].as_str(), value) {
            (_, DeValue::String(text)) if words(schema).next().is_some() => self.word(text, span, schema),
            (Some("object"), DeValue::Table(table)) => self.table(table, Spot { path, span: Some(span) }, schema),
            (Some("array"), DeValue::Array(array)) => self.array(array, Spot { path, span: Some(span) }, schema),
            (Some("string"), DeValue::String(text)) => self.text(text, span, schema),
            (Some("integer"), DeValue::Integer(number)) => self.number(number, Spot { path, span: Some(span) }, schema),
            (Some("boolean"), DeValue::Boolean(_)) => Verdict::Sound,
            (_, found) => {
                let hint = advice::wrong_type(path, found, schema);
                let (expected, found) = (expected(schema), type_name(found));
                let fault = Fault::new(format!("`{path}` must be {expected}, not {found}")).at(span);
                self.refuse(Fault { hint, ..fault })
            }
        }
    }

    fn table(&mut self, table: &mut DeTable<'_>, spot: Spot<'_>, schema: &Value) -> Verdict {
        let missing = missing(table, schema);
        self.choice(table, &spot, schema);
        for (key, mut value) in std::mem::take(table) {
            if self.entry(&key, &mut value, spot.path, schema) == Verdict::Sound {
                table.insert(key, value);
            }
        }
        for key in missing {
            let whose = if spot.path.is_empty() { String::new() } else { format!(" in `{}`", spot.path) };
            let fault = Fault::new(format!("the key `{key}` is missing{whose}")).at(spot.span.clone());
            self.refuse(Fault { hint: advice::missing(&key, &schema["properties"][&key]), ..fault });
        }
        let chosen = choices(schema).filter(|key| table.contains_key(*key)).count();
        let is_chosen = chosen == 1 || choices(schema).next().is_none();
        match is_chosen && required(schema).all(|key| table.contains_key(key)) {
            true => Verdict::Sound,
            false => Verdict::Faulty,
        }
    }

    /// Of keys that exclude each other exactly one must have been written.
    fn choice(&mut self, table: &DeTable<'_>, spot: &Spot<'_>, schema: &Value) {
        let keys = || choices(schema);
        let written: Vec<_> = table.keys().filter(|key| keys().any(|choice| key.get_ref() == choice)).collect();
        if let [first, .., last] = written.as_slice() {
            let (first, last) = if first.span().start < last.span().start { (first, last) } else { (last, first) };
            let message =
                format!("`{}` and `{}` exclude each other in `{}`", first.get_ref(), last.get_ref(), spot.path);
            let fault = Fault::new(message).at(last.span()).also(Some(first.span()), "the first is here");
            self.refuse(fault.hint("remove one of the two"));
        } else if written.is_empty() && keys().next().is_some() {
            let message = format!("one of {} is missing in `{}`", listed(keys()), spot.path);
            let hints = keys().filter_map(|key| advice::missing(key, &schema["properties"][key]));
            let hint = hints.reduce(|all, hint| format!("{all}, or {hint}"));
            self.refuse(Fault { hint, ..Fault::new(message).at(spot.span.clone()) });
        }
    }

    fn entry(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &mut Spanned<DeValue<'_>>,
        parent: &str,
        schema: &Value,
    ) -> Verdict {
        let name = key.get_ref();
        let shown = shown(name);
        let path = if parent.is_empty() { shown.clone() } else { format!("{parent}.{shown}") };
        if let Some(schema) = schema["properties"].get(name.as_ref()) {
            return self.value(value, &path, schema);
        }
        match &schema["additionalProperties"] {
            Value::Bool(false) => {
                let whose = if parent.is_empty() { String::new() } else { format!(" in `{parent}`") };
                let fault = Fault::new(format!("unknown key `{shown}`{whose}")).at(key.span());
                self.refuse(fault.hint(advice::unknown(name, schema)))
            }
            free => {
                let key = self.text(name, key.span(), &schema["propertyNames"]);
                let value = self.value(value, &path, free);
                if key == Verdict::Sound { value } else { key }
            }
        }
    }

    fn array(&mut self, array: &mut DeArray<'_>, spot: Spot<'_>, schema: &Value) -> Verdict {
        let Spot { path, span } = spot;
        let is_too_short = array.is_empty() && schema["minItems"] == 1;
        let schema = &schema["items"];
        if is_too_short {
            let hint = advice::example(schema)
                .map_or("remove it".into(), |example| format!("write one, {example}, or remove it"));
            return self.refuse(Fault::new(format!("`{path}` must not be empty")).at(span).hint(hint));
        }
        let mut items: Vec<_> = std::mem::replace(array, DeArray::new()).into_iter().collect();
        items.retain_mut(|item| self.value(item, path, schema) == Verdict::Sound);
        *array = items.into_iter().collect();
        Verdict::Sound
    }

    fn text(&mut self, text: &str, span: Range<usize>, schema: &Value) -> Verdict {
        match judge_limit(schema["format"].as_str().unwrap_or_default(), text) {
            Ok(()) => Verdict::Sound,
            Err(refused) => {
                let hint = refused.hint.or_else(|| advice::example(schema));
                self.refuse(Fault { hint, ..Fault::new(refused.message).at(span) })
            }
        }
    }

    fn word(&mut self, text: &str, span: Range<usize>, schema: &Value) -> Verdict {
        match words(schema).any(|word| word == text) {
            true => Verdict::Sound,
            false => {
                let fault = Fault::new(format!("{text:?} is none of {}", listed(words(schema)))).at(span);
                self.refuse(Fault { hint: advice::word(text, words(schema)), ..fault })
            }
        }
    }

    fn number(&mut self, number: &DeInteger<'_>, spot: Spot<'_>, schema: &Value) -> Verdict {
        let bound = |key: &str, open| schema[key].as_i64().unwrap_or(open);
        let (min, max) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if (min..=max).contains(&number) => Verdict::Sound,
            _ => {
                let message = format!("`{}` must be a whole number from {min} to {max}", spot.path);
                self.refuse(Fault::new(message).at(spot.span).hint("choose a number in that range"))
            }
        }
    }
}

/// A key as it is written, cut if it is longer than any that means something: messages repeat it.
fn shown(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let cut: String = key.chars().take(NAME_MAX_LEN + 1).collect();
    match (cut.len() == key.len(), !key.is_empty() && key.chars().all(is_bare)) {
        (true, true) => cut,
        (true, false) => format!("{cut:?}"),
        (false, _) => format!("{cut}…"),
    }
}

/// The schema of those that `schema` leaves a choice of that is for a value of this type; itself, if there is none.
pub(crate) fn alternative<'s>(schema: &'s Value, value: &DeValue<'_>) -> &'s Value {
    let choices = schema["anyOf"].as_array();
    choices.into_iter().flatten().find(|choice| choice["type"] == json_type(value)).unwrap_or(schema)
}

/// The words that an enumeration consists of.
pub(super) fn words(schema: &Value) -> impl Iterator<Item = &str> {
    let described = schema["oneOf"].as_array().into_iter().flatten().filter_map(|choice| choice["const"].as_str());
    described.chain(schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The keys of which a table has exactly one.
fn choices(schema: &Value) -> impl Iterator<Item = &str> {
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    choices.filter_map(|choice| choice["required"][0].as_str())
}

fn missing(table: &DeTable<'_>, schema: &Value) -> Vec<String> {
    required(schema).filter(|key| !table.contains_key(*key)).map(Into::into).collect()
}

/// What a schema asks for, in words.
fn expected(schema: &Value) -> String {
    let choices = schema["anyOf"].as_array();
    let types: Vec<&str> = match choices {
        Some(choices) => choices.iter().filter_map(|choice| choice["type"].as_str()).collect(),
        None => schema["type"].as_str().into_iter().collect(),
    };
    let words: Vec<&str> = types.iter().map(|name| json_type_name(name)).collect();
    if words.is_empty() { "a string".into() } else { words.join(" or ") }
}

fn json_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Datetime(_) => "date",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn json_type_name(name: &str) -> &'static str {
    match name {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "an array",
        "object" => "a table",
        _ => "a string",
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Datetime(_) => "a date",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        other => json_type_name(json_type(other)),
    }
}
