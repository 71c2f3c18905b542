//! Links as written: `"wasi:keyvalue" = "orders"`, or a table that says more, `{ to = "pricing", mode = "apart" }`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::document::Written;
use crate::label::LinkKey;
use crate::link::Mode;
use crate::name::{BackendName, ProviderName};

/// Links by the interface or package, and perhaps the label, that they are for.
pub type Links = BTreeMap<Written<LinkKey>, LinkEntry>;

/// One link as written: the name of a backend or of a component, or `{ to = "orders" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEntry {
    /// What provides the import.
    pub to: Written<ProviderName>,
    /// How it is called, if it is a component.
    pub mode: Option<Written<Mode>>,
}

/// The table form of a link.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct LinkTable {
    /// The name of a backend, or of another component of the app.
    to: Written<ProviderName>,
    /// How the component is called: in an instance of its own, or in that of its caller.
    #[schemars(extend("default" = "apart"))]
    mode: Option<Written<Mode>>,
}

/// The table form of a link of a host.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: what fits it is read as a `LinkTable`")]
struct HostLinkTable {
    /// The name of a backend.
    to: BackendName,
}

/// How a link of a host is written: as others, but a host has no components.
pub(crate) struct HostLinkEntry;

/// Either form.
enum Form {
    Name(ProviderName),
    Table(LinkTable),
}

impl LinkEntry {
    /// A link that says nothing else.
    pub fn to(name: impl Into<ProviderName>) -> Self {
        Self { to: name.into().into(), mode: None }
    }
}

impl<'de> Deserialize<'de> for LinkEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { value, span } = Written::<Form>::deserialize(deserializer)?;
        Ok(match value {
            Form::Name(name) => Self { to: Written { value: name, span }, mode: None },
            Form::Table(LinkTable { to, mode }) => Self { to, mode },
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
        f.write_str("the name of a backend or a component, or a table")
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
        either::<ProviderName, LinkTable>(generator)
    }
}

impl JsonSchema for HostLinkEntry {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HostLink".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        either::<BackendName, HostLinkTable>(generator)
    }
}

fn either<Name: JsonSchema, Table: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let (name, table) = (Name::json_schema(generator), Table::json_schema(generator));
    json_schema!({ "anyOf": [name, table] })
}
