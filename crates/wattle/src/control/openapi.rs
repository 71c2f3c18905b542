//! The control protocol as an OpenAPI document, made from the table of paths and from the types that are sent
//! ([source](https://spec.openapis.org/oas/v3.1.1.html)).

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use wattle_spec::control::{Action, ActionProgress, Done, Refused};
use wattle_spec::name::{AppId, ComponentName};

use super::routes::{ROUTES, Route};

/// Where OpenAPI has the schemas that others refer to.
const SCHEMAS: &str = "/components/schemas";

/// What is answered to a question, as a schema.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// One value of JSON.
    Value(fn(&mut SchemaGenerator) -> Value),
    /// One value of JSON, or server-sent events: what the data of each is.
    Outcome(fn(&mut SchemaGenerator) -> Value, fn(&mut SchemaGenerator) -> Value),
    /// Server-sent events: what the data of each is, beside those of the type `lost`.
    Events(&'static str, fn(&mut SchemaGenerator) -> Value),
}

/// The schema of a `T`.
pub(super) fn value<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The schema of an object whose member `apps` is a list of `T`.
pub(super) fn apps<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    list::<T>("apps", generator)
}

/// The same with the member `listeners`.
pub(super) fn listeners<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    list::<T>("listeners", generator)
}

fn list<T: JsonSchema>(member: &str, generator: &mut SchemaGenerator) -> Value {
    let items = value::<T>(generator);
    json!({ "type": "object", "required": [member], "properties": { member: { "type": "array", "items": items } } })
}

/// The schema of what is told of an action that takes long.
pub(super) fn outcomes(generator: &mut SchemaGenerator) -> Value {
    json!({ "anyOf": [value::<ActionProgress>(generator), value::<Done>(generator), value::<Refused>(generator)] })
}

/// The schema of any object.
pub(super) fn object(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

/// The document.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = SCHEMAS.into());
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator);
        paths.insert(route.path.into(), json!({ route.method.to_ascii_lowercase(): operation }));
    }
    let refused = value::<Refused>(&mut generator);
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "The control protocol of Wattle",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "HTTP over the control socket of a host, a Unix socket that is answered to its owner alone, \
                or from other machines over TLS with the token of the host: docs/reference/control.md. Members that a reader does not know are to be ignored, and so are events; \
                an action with a member that the host does not know is refused.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [
            { "url": "http://localhost", "description": "the control socket" },
            {
                "url": "https://{host}:{port}",
                "description": "the address of [control] in host.toml",
                "variables": { "host": { "default": "localhost" }, "port": { "default": "4711" } },
            },
        ],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Refused": {
                    "description": "Why not. The status is that of the code.",
                    "content": { "application/json": { "schema": refused } },
                },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let content = match route.answer {
        Answer::Value(schema) => json!({ "application/json": { "schema": schema(generator) } }),
        Answer::Outcome(schema, of_events) => {
            let events = "Events of the type `progress`, and at last one of the type `done` or `refused`, whose data is this in JSON.";
            json!({
                "application/json": { "schema": schema(generator) },
                "text/event-stream": { "schema": {
                    "type": "string", "description": events, "contentMediaType": "application/json",
                    "contentSchema": of_events(generator),
                } },
            })
        }
        Answer::Events(event, schema) => {
            let events = format!("Events of the type `{event}`, whose data is this in JSON.");
            json!({ "text/event-stream": { "schema": {
                "type": "string", "description": events, "contentMediaType": "application/json", "contentSchema": schema(generator),
            } } })
        }
    };
    let mut operation = json!({
        "operationId": route.name(),
        "summary": route.about,
        "responses": {
            "200": { "description": "What was asked for.", "content": content },
            "default": { "$ref": "#/components/responses/Refused" },
        },
    });
    let parameters: Vec<Value> = route.parameters.iter().map(|name| parameter(name, generator)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if route.method == "POST" {
        let schema = value::<Action>(generator);
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn parameter(name: &str, generator: &mut SchemaGenerator) -> Value {
    let (schema, about) = match name {
        "app" => (value::<AppId>(generator), "Of this app alone."),
        "component" => (value::<ComponentName>(generator), "Of this component of the app alone."),
        "progress" => (value::<bool>(generator), "Whether it is told how far an action is that takes long."),
        "tail" => (value::<usize>(generator), "How many of the last ones come first."),
        _ => (value::<bool>(generator), "Whether those that come later are told, too."),
    };
    json!({ "name": name, "in": "query", "description": about, "schema": schema })
}
