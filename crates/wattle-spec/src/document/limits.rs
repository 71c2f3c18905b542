//! Tables of limits: their keys, defaults and descriptions come from the one table in [`crate::limits`].

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::leaf::{Refused, judge};
use crate::limits::{LimitKind, LimitRow, LimitSet, LimitValue};

/// The limits of a table: the defaults, changed by what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitTable<L>(pub L);

impl<L: LimitSet> JsonSchema for LimitTable<L> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<String, Value> = L::rows().into_iter().map(row).collect();
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

fn row(row: LimitRow) -> (String, Value) {
    let schema = match row.kind {
        LimitKind::Count => json!({
            "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": row.default.parse::<u32>().ok(),
            "description": row.doc,
        }),
        LimitKind::Bytes => json!({
            "type": "string", "format": "byte-size", "default": row.default, "examples": ["64MiB"],
            "description": row.doc,
        }),
        LimitKind::Time => json!({
            "type": "string", "format": "time-limit", "default": row.default, "examples": ["10s"],
            "description": row.doc,
        }),
    };
    (row.key, schema)
}

impl<'de, L: LimitSet> Deserialize<'de> for LimitTable<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData)).map(Self)
    }
}

struct TableVisitor<L>(PhantomData<L>);

impl<'de, L: LimitSet> Visitor<'de> for TableVisitor<L> {
    type Value = L;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<L, A::Error> {
        let mut limits = L::default();
        while let Some((key, Quantity(text))) = map.next_entry::<String, Quantity>()? {
            let refused = |why: Option<String>| de::Error::custom(why.unwrap_or_else(|| "no such limit".into()));
            limits.set(&key, &text).map_err(refused)?;
        }
        Ok(limits)
    }
}

/// What is written for a limit, a string or a whole number, as text.
struct Quantity(String);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor).map(Self)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

/// The grammars of limits, beside those of the other strings.
pub(super) fn judge_limit(format: &str, text: &str) -> Result<(), Refused> {
    let verdict = match format {
        "time-limit" => std::time::Duration::read(text).map(drop),
        other => return judge(other, text),
    };
    verdict.map_err(|message| Refused { message, hint: None })
}
