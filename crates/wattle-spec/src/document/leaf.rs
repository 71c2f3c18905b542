//! The grammars of single values: each type that is written as a string, with the name of its grammar in the schema.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::backend::{NatsServer, NatsServerError};
use crate::cron::{Schedule, ScheduleError, Zone, ZoneError};
use crate::digest::Digest;
use crate::interface::Interface;
use crate::label::LinkKey;
use crate::listen::Listen;
use crate::manifest::Source;
use crate::name::{AppId, AppName, BackendName, ComponentName, GroupName, Namespace, ProviderName, SecretName};
use crate::network::{AddressRange, EndpointPattern, OriginPattern};
use crate::policy::{NamePattern, NamePatternError};
use crate::reference::RegistryName;
use crate::route::{HostName, PathPattern, RequestPath};
use crate::socket::{self, SocketError};
use crate::subject::{Subject, SubjectPattern};
use crate::telemetry::{CollectorUrl, CollectorUrlError, Interval, Ratio};
use crate::units::{ByteSize, Span, UnitError};

/// Why a string is not what its place asks for, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// The value of an environment variable or of a setting: any text without a NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub String);

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable(pub String);

/// A path on the host, relative to the file that it is written in unless it is absolute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath(pub String);

/// An absolute path as a guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestPath(pub String);

/// The name of a header field, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldName(pub(crate) String);

/// A semantic version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub semver::Version);

/// A socket address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub SocketAddr);

/// A string with a grammar: what `read` says is what the walker and the deserialiser say.
pub(crate) trait Leaf: Sized {
    fn read(text: &str) -> Result<Self, Refused>;
}

macro_rules! leaves {
    ($($type:ty: $format:literal, $example:literal, $read:expr;)*) => {
        $(
            impl Leaf for $type {
                fn read(text: &str) -> Result<Self, Refused> {
                    $read(text)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    <$type>::read(&text).map_err(|refused| de::Error::custom(refused.message))
                }
            }

            impl JsonSchema for $type {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    $format.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format, "examples": [$example] })
                }
            }
        )*

        /// What the grammar called `format` says to `text`. A grammar that is not ours says nothing.
        pub(crate) fn judge(format: &str, text: &str) -> Result<(), Refused> {
            match format {
                $($format => <$type>::read(text).map(drop),)*
                _ => Ok(()),
            }
        }
    };
}

leaves! {
    AppName: "app-name", "shop", name;
    Namespace: "namespace", "default", name;
    AppId: "app-id", "default/shop", plain;
    Digest: "digest", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", plain;
    ComponentName: "component-name", "cart", name;
    BackendName: "backend-name", "orders", name;
    ProviderName: "provider-name", "orders", name;
    GroupName: "group-name", "billing", name;
    SecretName: "secret-name", "stripe-key", plain;
    Version: "semantic-version", "0.1.0", version;
    Interface: "interface", "wasi:keyvalue", plain;
    LinkKey: "link-key", "wasi:keyvalue", plain;
    PathPattern: "path-pattern", "/cart/...", pattern;
    RequestPath: "request-path", "/healthz", request_path;
    HostName: "host-name", "shop.example.com", plain;
    Source: "source", "target/wasm32-wasip2/release/cart.wasm", source;
    RegistryName: "registry-name", "ghcr.io", plain;
    HostPath: "host-path", "data", host_path;
    GuestPath: "guest-path", "/data", guest_path;
    Variable: "variable-name", "RUST_LOG", variable;
    Text: "text", "EUR", text;
    ByteSize: "byte-size", "64MiB", size;
    Span: "time-span", "10s", span;
    OriginPattern: "origin-pattern", "https://api.example.com", plain;
    EndpointPattern: "endpoint-pattern", "10.1.0.0/16:5432", plain;
    AddressRange: "address-range", "private", plain;
    NamePattern: "name-pattern", "ghcr.io/acme/**", name_pattern;
    Address: "socket-address", "127.0.0.1:8080", address;
    SubjectPattern: "subject-pattern", "orders.>", plain;
    Subject: "subject", "orders.failed", plain;
    NatsServer: "nats-server", "nats://nats.example.com:4222", nats_server;
    Schedule: "cron-schedule", "*/5 * * * *", schedule;
    Zone: "time-zone", "Europe/Berlin", zone;
    Listen: "listen-address", "127.0.0.1:8080", listen;
    FieldName: "field-name", "authorization", field_name;
    CollectorUrl: "collector-url", "http://127.0.0.1:4318", collector_url;
    Ratio: "percentage", "10%", plain;
    Interval: "interval", "60s", plain;
}

fn refused(message: impl fmt::Display) -> Refused {
    Refused { message: message.to_string(), hint: None }
}

fn size(text: &str) -> Result<ByteSize, Refused> {
    crate::limits::LimitValue::read(text).map_err(refused)
}

fn plain<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(refused)
}

fn name<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, Refused> {
    let hint = || Some(format!("write `{}`", AppName::resembling(text)));
    plain(text).map_err(|refused| Refused { hint: hint(), ..refused })
}

fn pattern(text: &str) -> Result<PathPattern, Refused> {
    text.parse().map_err(|error: crate::route::PatternError| Refused { hint: error.hint(), ..refused(error) })
}

fn name_pattern(text: &str) -> Result<NamePattern, Refused> {
    text.parse().map_err(|error: NamePatternError| Refused { hint: error.hint(), ..refused(error) })
}

fn request_path(text: &str) -> Result<RequestPath, Refused> {
    text.parse().map_err(|error: crate::route::RequestPathError| Refused { hint: error.hint(), ..refused(error) })
}

fn source(text: &str) -> Result<Source, Refused> {
    text.parse().map_err(|error: crate::manifest::SourceError| Refused { hint: error.hint(), ..refused(error) })
}

fn version(text: &str) -> Result<Version, Refused> {
    let wrong = |_| refused(format!("{text:?} is not a semantic version, as in 0.1.0"));
    text.parse().map(Version).map_err(wrong)
}

fn span(text: &str) -> Result<Span, Refused> {
    text.parse().map_err(|error: UnitError| refused(error))
}

fn address(text: &str) -> Result<Address, Refused> {
    socket::parse(text).map(Address).map_err(no_socket)
}

fn listen(text: &str) -> Result<Listen, Refused> {
    text.parse().map_err(no_socket)
}

fn nats_server(text: &str) -> Result<NatsServer, Refused> {
    text.parse().map_err(|error: NatsServerError| Refused { hint: error.hint().map(Into::into), ..refused(error) })
}

fn schedule(text: &str) -> Result<Schedule, Refused> {
    text.parse().map_err(|error: ScheduleError| Refused { hint: Some(error.hint()), ..refused(error) })
}

fn zone(text: &str) -> Result<Zone, Refused> {
    text.parse().map_err(|error: ZoneError| Refused { hint: Some(error.hint()), ..refused(error) })
}

fn no_socket(error: SocketError) -> Refused {
    Refused { hint: Some(error.hint()), ..refused(error) }
}

fn text(text: &str) -> Result<Text, Refused> {
    match text.contains('\0') {
        true => Err(refused("a text must not contain a NUL")),
        false => Ok(Text(text.into())),
    }
}

fn variable(text: &str) -> Result<Variable, Refused> {
    match text.is_empty() || text.contains(['=', '\0']) {
        true => Err(refused("the name of a variable must not be empty nor contain `=` or a NUL")),
        false => Ok(Variable(text.into())),
    }
}

fn host_path(text: &str) -> Result<HostPath, Refused> {
    match text.is_empty() || text.contains('\0') {
        true => Err(refused("a path must not be empty nor contain a NUL")),
        false => Ok(HostPath(text.into())),
    }
}

fn guest_path(text: &str) -> Result<GuestPath, Refused> {
    let Some(below) = text.strip_prefix('/') else {
        return Err(Refused { hint: Some(format!("write `/{text}`")), ..refused("a path in the guest is absolute") });
    };
    let below = below.strip_suffix('/').unwrap_or(below);
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains('\0');
    match !below.is_empty() && below.split('/').any(is_odd) {
        true => Err(refused("a path in the guest has no empty, `.` or `..` segments")),
        false => Ok(GuestPath(format!("/{below}"))),
    }
}

fn collector_url(text: &str) -> Result<CollectorUrl, Refused> {
    text.parse().map_err(|error: CollectorUrlError| Refused { hint: Some(error.hint().into()), ..refused(error) })
}

/// RFC 9110, section 5.6.2, without upper-case letters: `a` and `A` would be one field under two keys.
fn field_name(text: &str) -> Result<FieldName, Refused> {
    let is_known = |c: char| matches!(c, 'a'..='z' | '0'..='9') || "!#$%&'*+-.^_`|~".contains(c);
    match !text.is_empty() && text.chars().all(is_known) {
        true => Ok(FieldName(text.into())),
        false => Err(refused("the name of a header field is made of lower-case letters, digits and hyphens")),
    }
}
