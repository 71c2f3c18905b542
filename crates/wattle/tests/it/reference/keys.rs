//! The page of a file's keys, from the JSON Schema that the file is checked with.

use serde_json::Value;

use super::table;

/// A page: one table of keys for each table of the file, and an example with every key.
pub(super) struct KeyPage<'a> {
    pub(super) title: &'static str,
    pub(super) schema: &'a Value,
    pub(super) example: &'static str,
}

impl KeyPage<'_> {
    pub(super) fn render(&self) -> String {
        let mut page = format!("# {}\n\n{}\n", self.title, text(self.schema, "description"));
        page += &format!("\nAn example with every key:\n\n```toml\n{}```\n", self.example);
        self.add_table(&mut page, self.schema, "", &mut Vec::new());
        page
    }

    /// Adds the table of keys at `path` and, behind it, those below that are not among those `shown` before.
    fn add_table<'s>(&self, page: &mut String, schema: &'s Value, path: &str, shown: &mut Vec<&'s Value>) {
        let required = required_of(schema);
        let mut keys: Vec<(&String, &Value)> = properties(schema).collect();
        keys.sort_by_key(|(key, _)| !required.contains(key));
        let row = |(key, value): &(&String, &Value)| {
            self.assert_shown(key, path);
            let default = match value.get("default") {
                _ if required.contains(key) => "required".to_owned(),
                Some(default) => format!("`{default}`"),
                None => String::new(),
            };
            vec![format!("`{key}`"), kind(value), default, meaning(key, value)]
        };
        *page += &format!("\n{}", table(&["key", "type", "default", "meaning"], keys.iter().map(row)));
        // Limits have a page of their own.
        for (key, value) in properties(schema).filter(|(key, _)| *key != "limits") {
            let Some(below) = table_in(value).filter(|below| !shown.contains(below)) else { continue };
            shown.push(below);
            let name = if value["additionalProperties"].is_object() { ".NAME" } else { "" };
            let path = format!("{path}{key}{name}");
            let title = if value["items"].is_object() { format!("[[{path}]]") } else { format!("[{path}]") };
            *page += &format!("\n## `{title}`\n\n{}\n", text(value, "description"));
            self.add_table(page, below, &format!("{path}."), shown);
        }
    }

    /// Fails if the example does not have `key`, be it as `key =`, as `[key]` or as `[path.key]`.
    fn assert_shown(&self, key: &str, path: &str) {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let shown = self.example.lines().filter(|line| !line.starts_with('#'));
        let has_key = shown.flat_map(|line| line.split(|c| !is_word(c))).any(|word| word == key);
        assert!(has_key, "the example of {} has no `{path}{key}`", self.title);
    }
}

/// The keys that a table must have.
pub(super) fn required_of(schema: &Value) -> Vec<String> {
    let keys = schema["required"].as_array().into_iter().flatten();
    keys.filter_map(Value::as_str).map(Into::into).collect()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// The table that a value is, or that each of its entries is, if its keys are known.
fn table_in(value: &Value) -> Option<&Value> {
    let candidates = [value, &value["additionalProperties"], &value["items"]];
    candidates.into_iter().find(|candidate| candidate["properties"].is_object())
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// The words of a choice, each with what it means.
fn choices(value: &Value) -> impl Iterator<Item = (String, &str)> {
    let choices = value["oneOf"].as_array().into_iter().flatten();
    choices.map(|choice| (format!("`{}`", choice["const"]), text(choice, "description")))
}

/// What is written for a value, in a few words.
fn kind(value: &Value) -> String {
    let words: Vec<String> = choices(value).map(|(word, _)| word).collect();
    if !words.is_empty() {
        return words.join(" or ");
    }
    if let Some(kinds) = value["anyOf"].as_array() {
        return kinds.iter().map(one_of_several).collect::<Vec<_>>().join(" or ");
    }
    match (text(value, "type"), text(value, "format")) {
        ("array", _) => format!("list of {}", plural(&value["items"])),
        ("object", _) if value["additionalProperties"].is_object() => {
            format!("table of {}", plural(&value["additionalProperties"]))
        }
        ("object", _) => "table".into(),
        ("string", "") => "string".into(),
        ("string", format) => format!("string ({})", format.replace('-', " ")),
        (other, _) => other.into(),
    }
}

fn plural(value: &Value) -> String {
    kind(value).replacen("string", "strings", 1).replacen("table", "tables", 1)
}

/// A table that stands for something else is shown with its keys in its place.
fn one_of_several(value: &Value) -> String {
    let keys: Vec<&str> = properties(value).map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() { kind(value) } else { format!("`{{ {} }}`", keys.join(", ")) }
}

/// The description with an example and the meanings of a choice.
fn meaning(key: &str, value: &Value) -> String {
    let mut meaning = text(value, "description").to_owned();
    let places = [value, &value["items"]];
    if let Some(example) = places.iter().find_map(|place| place["examples"].get(0)) {
        meaning += &format!(" As in `{example}`.");
    }
    if let Some(name) = value["propertyNames"]["examples"].get(0).and_then(Value::as_str) {
        meaning += &format!(" A key is as in `{name}`.");
    }
    if key == "limits" {
        meaning += " [All of them](limits.md).";
    }
    choices(value).fold(meaning, |meaning, (word, text)| format!("{meaning} {word}: {text}"))
}
