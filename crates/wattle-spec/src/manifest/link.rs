//! Links as written: `"wasi:keyvalue" = "orders"`, or a table that says more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::document::Written;
use crate::label::LinkKey;
use crate::name::BackendName;

/// Links by the interface or package, and perhaps the label, that they are for.
pub type Links = BTreeMap<Written<LinkKey>, LinkEntry>;

/// One link as written: the name of a backend, or `{ to = "orders" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEntry {
    /// What provides the import.
    pub to: Written<BackendName>,
}

/// The table form of a link.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct LinkTable {
    /// The name of a backend.
    to: Written<BackendName>,
}

/// Either form.
enum Form {
    Name(BackendName),
    Table(LinkTable),
}

impl<'de> Deserialize<'de> for LinkEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { value, span } = Written::<Form>::deserialize(deserializer)?;
        Ok(match value {
            Form::Name(name) => Self { to: Written { value: name, span } },
            Form::Table(table) => Self { to: table.to },
        })
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a backend or a table")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Form, E> {
        text.parse().map(Form::Name).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Form, A::Error> {
        LinkTable::deserialize(MapAccessDeserializer::new(map)).map(Form::Table)
    }
}

impl JsonSchema for LinkEntry {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Link".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (name, table) = (BackendName::json_schema(generator), LinkTable::json_schema(generator));
        json_schema!({ "anyOf": [name, table] })
    }
}
