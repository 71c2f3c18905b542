//! Reading a TOML text against a type: one machinery for the manifest and the host's file.
//!
//! The JSON Schema that is generated from the raw types is the single truth of the structure: editors get it, and
//! [`check`] walks the text with it and collects every fault. What is faulty is cut out, so that what is left can still
//! be read, and what is wrong with *that* is reported in the same run.

mod advice;
mod check;
mod leaf;
mod limits;
mod schema;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use self::check::alternative;
pub(crate) use self::leaf::FieldName;
pub use self::leaf::{Address, GuestPath, HostPath, Text, Variable, Version};
pub use self::limits::LimitTable;
pub(crate) use self::schema::{generate, keyed};
pub use self::written::Written;
use crate::fault::{Fault, in_order};

/// The most bytes that a manifest or a host's file may have.
pub const TEXT_MAX_LEN: usize = 1 << 20;

/// How deep arrays and tables may be nested; the parser refuses what is far beyond.
const NESTING_MAX: usize = 32;

/// A text that is TOML, without what was found to be wrong with it.
pub(crate) struct Document<'t> {
    root: Spanned<DeTable<'t>>,
    faults: Vec<Fault>,
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl<'t> Document<'t> {
    /// Parses `text` and checks it against `schema`.
    ///
    /// # Errors
    ///
    /// Every fault of syntax. The structure of a text with such faults is guesswork and not looked at.
    pub(crate) fn read(text: &'t str, schema: &Value) -> Result<Self, Vec<Fault>> {
        if text.len() > TEXT_MAX_LEN {
            let message = format!("the text has more than {TEXT_MAX_LEN} bytes");
            return Err(vec![Fault::new(message).hint("a manifest holds no data: put it into files")]);
        }
        let (mut root, errors) = DeTable::parse_recoverable(text);
        let syntax = |error: &toml::de::Error| {
            Fault::new(error.message()).at(error.span()).hint(advice::syntax(error.message()))
        };
        let deep = |span| {
            Fault::new(format!("nested more than {NESTING_MAX} deep")).at(span).hint("nothing here is nested so deep")
        };
        let faults: Vec<Fault> = errors.iter().map(syntax).chain(too_deep(root.get_ref()).map(deep)).collect();
        if !faults.is_empty() {
            dismantle(root.into_inner());
            return Err(in_order(faults));
        }
        let keys = root.get_ref().iter().map(|(key, value)| (key.get_ref().to_string(), keys_of(value))).collect();
        let faults = check::check(root.get_mut(), schema);
        Ok(Self { root, faults, keys })
    }

    /// The keys of the table called `table` at the root as they were written, right or wrong.
    pub(crate) fn keys_of(&self, table: &str) -> BTreeSet<String> {
        self.keys.get(table).cloned().unwrap_or_default()
    }

    /// Whether a key called `key` was written at the root, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// What is left of the value called `key` at the root.
    pub(crate) fn part<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.root.get_ref().get(key)?.clone();
        T::deserialize(toml::de::ValueDeserializer::from(value)).ok()
    }

    /// Adds what was found by other means than the schema.
    pub(crate) fn add(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// The names of the tables in the table called `table` that were written and are not sound.
    pub(crate) fn cut_of(&self, table: &str) -> BTreeSet<String> {
        let written = self.keys.get(table).into_iter().flatten();
        let sound = self.root.get_ref().get(table).map(keys_of).unwrap_or_default();
        written.filter(|name| !sound.contains(*name)).cloned().collect()
    }

    /// Puts `value` at the root if nothing called `key` is left there.
    pub(crate) fn stand_in(&mut self, key: &'static str, value: DeValue<'static>) {
        let root = self.root.get_mut();
        if root.get(key).is_none() {
            root.insert(Spanned::new(0..0, key.into()), Spanned::new(0..0, value));
        }
    }

    /// What is sound of the whole, if that makes a value, and every fault that was found.
    pub(crate) fn finish_lenient<T: DeserializeOwned>(self) -> (Option<T>, Vec<Fault>) {
        (T::deserialize(toml::de::Deserializer::from(self.root)).ok(), in_order(self.faults))
    }

    /// The whole as a value.
    ///
    /// # Errors
    ///
    /// Every fault that was found.
    pub(crate) fn finish<T: DeserializeOwned>(self) -> Result<T, Vec<Fault>> {
        if !self.faults.is_empty() {
            return Err(in_order(self.faults));
        }
        let fault = |error: toml::de::Error| vec![Fault::new(error.message()).at(error.span())];
        T::deserialize(toml::de::Deserializer::from(self.root)).map_err(fault)
    }
}

fn keys_of(value: &Spanned<DeValue<'_>>) -> BTreeSet<String> {
    let table = value.get_ref().as_table().into_iter().flat_map(|table| table.iter());
    table.map(|(key, _)| key.get_ref().to_string()).collect()
}

/// The place of something that is nested deeper than any honest text, if there is one.
fn too_deep(root: &DeTable<'_>) -> Option<std::ops::Range<usize>> {
    let mut work: Vec<(usize, &Spanned<DeValue<'_>>)> = root.iter().map(|(_, value)| (1, value)).collect();
    while let Some((depth, value)) = work.pop() {
        if depth > NESTING_MAX {
            return Some(value.span());
        }
        match value.get_ref() {
            DeValue::Table(table) => work.extend(table.iter().map(|(_, value)| (depth + 1, value))),
            DeValue::Array(array) => work.extend(array.iter().map(|value| (depth + 1, value))),
            _ => {}
        }
    }
    None
}

/// Drops a tree of any depth without recursion. The parser bounds brackets and dots each, not one times the other,
/// and a drop by recursion of what comes out overflows the stack.
pub(crate) fn dismantle(root: DeTable<'_>) {
    let mut work = vec![DeValue::Table(root)];
    while let Some(value) = work.pop() {
        match value {
            DeValue::Table(table) => work.extend(table.into_iter().map(|(_, value)| value.into_inner())),
            DeValue::Array(array) => work.extend(array.into_iter().map(Spanned::into_inner)),
            _ => {}
        }
    }
}
