//! Backends as written: `[backends.NAME]`, and what can be wrong within one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::backend::{
    BackendKind, BackendSpec, EngineSpec, NatsAuth, NatsServer, NatsSpec, NatsTls, PREFIX_DEFAULT, Scope,
};
use crate::document::{HostPath, Text, Variable, Written};
use crate::fault::{Fault, listed};
use crate::host_file::implicit_backends;
use crate::listen::CertificatePaths;
use crate::name::BackendName;
use crate::quota::Quota;
use crate::units::ByteSize;

/// A backend as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct BackendEntry {
    /// The engine that keeps the state.
    #[serde(rename = "type")]
    pub kind: BackendKind,
    /// Who shares the state: each app has its own, or all that name the backend see the same.
    #[serde(default)]
    #[schemars(extend("default" = "app"))]
    pub scope: Scope,
    /// What one app may keep there. On a host it stands in the place of `stored-keys` and `stored-bytes` of its `[limits]`,
    /// and on `nats`, for which those do not count, the server sets the bytes aside; in a manifest it can only be less.
    pub quota: Option<Written<QuotaEntry>>,
    /// Of `nats`: the servers, of which any will do: `nats://` or `tls://`, a host, and a port if it is not 4222.
    #[schemars(extend("default" = [crate::backend::SERVER_DEFAULT], "minItems" = 1))]
    pub servers: Option<Written<Vec<NatsServer>>>,
    /// Of `nats`: the user that the host is there, with a `password-file`.
    pub user: Option<Written<Text>>,
    /// Of `nats`: the file with the user's password in its first line.
    pub password_file: Option<Written<HostPath>>,
    /// Of `nats`: the file with the token in its first line that the host is let in with.
    pub token_file: Option<Written<HostPath>>,
    /// Of `nats`: the file of credentials (a JWT and the seed of its key) that the host is let in with.
    pub credentials: Option<Written<HostPath>>,
    /// Of `nats`: the file with the seed of the nkey that the host is let in with.
    pub nkey: Option<Written<HostPath>>,
    /// Of `nats`: how TLS is spoken, where it is not as a client of the public web would.
    pub tls: Option<Written<NatsTlsEntry>>,
    /// Of `nats`: how many servers keep each stream that is made. An existing stream keeps its number.
    #[schemars(range(min = 1, max = 5), extend("default" = 1))]
    pub replicas: Option<Written<NonZeroU32>>,
    /// Of `nats` with `scope = "shared"`: the existing JetStream stream that messages are read from and kept by. Without
    /// one they are those of core NATS, which keeps nothing.
    pub stream: Option<Written<Text>>,
    /// Of `environment`: what the names of the variables begin with. The name of the secret follows in capitals, with `_`
    /// for `-`.
    #[schemars(extend("default" = PREFIX_DEFAULT))]
    pub prefix: Option<Written<Variable>>,
    /// Of `files`: the directory of the secrets, one file each: `default/shop/stripe-key` is one of the app `shop`.
    pub directory: Option<Written<HostPath>>,
}

/// What one app may keep in a backend, as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct QuotaEntry {
    /// Keys; and as many objects with their containers.
    #[schemars(range(min = 1, max = u32::MAX))]
    pub keys: Option<NonZeroU32>,
    /// Bytes of keys and values; and as many of objects with their names.
    pub bytes: Option<ByteSize>,
}

/// How TLS is spoken with NATS, as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct NatsTlsEntry {
    /// Whether TLS is spoken even if the server does not ask for it.
    #[serde(default)]
    pub required: bool,
    /// The file with the certificates (PEM) that servers are trusted by, in place of the public ones.
    pub ca: Option<HostPath>,
    /// The file with the host's own certificate (PEM), with a `key`.
    pub cert: Option<HostPath>,
    /// The file with its private key (PEM).
    pub key: Option<HostPath>,
}

impl BackendEntry {
    /// A backend of which nothing but the type is said.
    pub fn new(kind: BackendKind) -> Self {
        Self {
            kind,
            scope: Scope::App,
            quota: None,
            servers: None,
            user: None,
            password_file: None,
            token_file: None,
            credentials: None,
            nkey: None,
            tls: None,
            replicas: None,
            stream: None,
            prefix: None,
            directory: None,
        }
    }

    /// The backend that is meant, its paths as they were written.
    pub fn resolved(&self) -> BackendSpec {
        let engine = match self.kind {
            BackendKind::Memory => EngineSpec::Memory,
            BackendKind::Disk => EngineSpec::Disk,
            BackendKind::Nats => EngineSpec::Nats(Arc::new(self.nats())),
            BackendKind::Environment => EngineSpec::Environment {
                prefix: self.prefix.as_ref().map_or_else(|| PREFIX_DEFAULT.into(), |prefix| prefix.value.0.clone()),
            },
            BackendKind::Files => EngineSpec::Files { directory: path(&self.directory).unwrap_or_default().into() },
        };
        let quota = self.quota.as_ref().map(|quota| quota.value.resolved()).unwrap_or_default();
        BackendSpec { engine, scope: self.scope, quota }
    }

    fn nats(&self) -> NatsSpec {
        let default = NatsSpec::default();
        let auth = match (&self.user, path(&self.password_file), path(&self.token_file)) {
            (Some(user), Some(file), _) => NatsAuth::Password { user: user.value.0.clone(), file: file.into() },
            (_, _, Some(file)) => NatsAuth::Token(file.into()),
            _ => match (path(&self.credentials), path(&self.nkey)) {
                (Some(file), _) => NatsAuth::Credentials(file.into()),
                (_, Some(file)) => NatsAuth::Nkey(file.into()),
                (None, None) => NatsAuth::Nobody,
            },
        };
        NatsSpec {
            servers: self.servers.as_ref().map_or(default.servers, |servers| servers.value.clone()),
            auth,
            tls: self.tls.as_ref().map_or(default.tls, |tls| tls.value.resolved()),
            replicas: self.replicas.as_ref().map_or(default.replicas, |replicas| replicas.value),
            stream: self.stream.as_ref().map(|stream| stream.value.0.clone()),
        }
    }

    /// The keys that were written and belong to one type: the key, the type and the place.
    fn of_type(&self) -> Vec<(&'static str, BackendKind, Option<Range<usize>>)> {
        fn at<T>(
            key: &'static str,
            kind: BackendKind,
            value: &Option<Written<T>>,
        ) -> Option<(&'static str, BackendKind, Option<Range<usize>>)> {
            value.as_ref().map(|value| (key, kind, value.span.clone()))
        }
        let nats = BackendKind::Nats;
        let all = [
            at("servers", nats, &self.servers),
            at("user", nats, &self.user),
            at("password-file", nats, &self.password_file),
            at("token-file", nats, &self.token_file),
            at("credentials", nats, &self.credentials),
            at("nkey", nats, &self.nkey),
            at("tls", nats, &self.tls),
            at("replicas", nats, &self.replicas),
            at("stream", nats, &self.stream),
            at("prefix", BackendKind::Environment, &self.prefix),
            at("directory", BackendKind::Files, &self.directory),
        ];
        all.into_iter().flatten().collect()
    }

    /// Why a quota says nothing there.
    fn no_quota(&self) -> Option<Fault> {
        match (self.kind, self.scope) {
            (BackendKind::Environment | BackendKind::Files, _) => {
                let fault = Fault::new(format!("a backend of the type `{}` has no `quota`", self.kind));
                Some(fault.hint("remove it: apps keep nothing there"))
            }
            (_, Scope::Shared) => {
                let fault = Fault::new("a quota is for what an app keeps by itself, and here all apps share");
                Some(fault.hint("remove `quota`, or `scope = \"shared\"`"))
            }
            (BackendKind::Memory | BackendKind::Disk | BackendKind::Nats, Scope::App) => None,
        }
    }

    /// What is wrong with the backend `name` by itself.
    fn faults(&self, name: &Written<BackendName>) -> Vec<Fault> {
        let (own, others): (Vec<_>, Vec<_>) = self.of_type().into_iter().partition(|(_, kind, _)| *kind == self.kind);
        let mut faults: Vec<_> = others.into_iter().map(|other| not_of_type(self.kind, &own, other)).collect();
        let auth: Vec<_> = own
            .into_iter()
            .filter(|(key, ..)| matches!(*key, "user" | "token-file" | "credentials" | "nkey"))
            .collect();
        if let [(first, _, place), .., (last, _, span)] = auth.as_slice() {
            let fault = Fault::new(format!("`{first}` and `{last}` say twice who the host is")).at(span.clone());
            faults.push(fault.also(place.clone(), "the first is here").hint("remove one of the two"));
        }
        match (&self.user, &self.password_file) {
            (Some(user), None) => faults.push(alone("user", "password-file", user.span.clone())),
            (None, Some(file)) => faults.push(alone("password-file", "user", file.span.clone())),
            _ => {}
        }
        if let Some(Written { value: tls, span }) = &self.tls
            && tls.cert.is_some() != tls.key.is_some()
        {
            let (one, other) = if tls.cert.is_some() { ("cert", "key") } else { ("key", "cert") };
            faults.push(alone(one, other, span.clone()));
        }
        if self.stream.is_some() && self.scope == Scope::App {
            let span = self.stream.as_ref().and_then(|stream| stream.span.clone());
            let message = "an app's own messages have a stream of their own";
            faults.push(Fault::new(message).at(span).hint("remove `stream`, or write `scope = \"shared\"`"));
        }
        if let Some(quota) = &self.quota
            && let Some(fault) = self.no_quota()
        {
            faults.push(fault.at(quota.span.clone()));
        }
        if let Some(Written { value: Variable(prefix), span }) = &self.prefix
            && self.kind == BackendKind::Environment
            && !begins_variable(prefix)
        {
            let fault = Fault::new(format!("{prefix:?} cannot begin the name of a variable")).at(span.clone());
            let hint = "write letters, digits and `_`, and no digit first";
            faults.push(fault.hint(format!("{hint}, as in `\"{PREFIX_DEFAULT}\"`")));
        }
        if self.kind == BackendKind::Files && self.directory.is_none() {
            let fault = Fault::new(format!("the key `directory` is missing in `backends.{name}`"));
            faults.push(fault.at(name.span.clone()).hint("write `directory = \"secrets\"`"));
        }
        faults
    }
}

impl QuotaEntry {
    fn resolved(&self) -> Quota {
        Quota { keys: self.keys.map(|keys| keys.get().into()), bytes: self.bytes.map(|ByteSize(bytes)| bytes) }
    }
}

impl NatsTlsEntry {
    fn resolved(&self) -> NatsTls {
        let own = self.cert.as_ref().zip(self.key.as_ref());
        NatsTls {
            required: self.required,
            ca: self.ca.as_ref().map(|HostPath(path)| path.into()),
            own: own.map(|(HostPath(cert), HostPath(key))| CertificatePaths::new(cert, key)),
        }
    }
}

/// Whether that can begin the name of a variable that shells can set: POSIX, Base Definitions, section 3.216, "Name".
fn begins_variable(prefix: &str) -> bool {
    !prefix.starts_with(|c: char| c.is_ascii_digit()) && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn path(written: &Option<Written<HostPath>>) -> Option<&str> {
    written.as_ref().map(|path| path.value.0.as_str())
}

type Place = (&'static str, BackendKind, Option<Range<usize>>);

fn not_of_type(kind: BackendKind, own: &[Place], (key, owner, span): Place) -> Fault {
    let hint = match own {
        [] => format!("remove it, or write `type = \"{owner}\"`"),
        own => format!("remove it: the type `{kind}` has {}", listed(own.iter().map(|(key, ..)| *key))),
    };
    Fault::new(format!("a backend of the type `{kind}` has no `{key}`")).at(span).hint(hint)
}

fn alone(one: &str, other: &str, span: Option<Range<usize>>) -> Fault {
    Fault::new(format!("`{one}` is of no use without `{other}`")).at(span).hint(format!("add `{other}`"))
}

/// What is wrong with each backend by itself, and backends that every host has, of another type than they have there:
/// who reads the name would expect the wrong thing.
pub(crate) fn faults(backends: &BTreeMap<Written<BackendName>, BackendEntry>) -> Vec<Fault> {
    let own = backends.iter().flat_map(|(name, entry)| entry.faults(name));
    own.chain(redefined(backends)).collect()
}

/// Backends of a manifest that read what belongs to the host: whoever gives an app away must not choose what it reads.
pub(crate) fn of_host(backends: &BTreeMap<Written<BackendName>, BackendEntry>) -> Vec<Fault> {
    let is_of_host = |kind| matches!(kind, BackendKind::Environment | BackendKind::Files);
    let fault = |(name, entry): (&Written<BackendName>, &BackendEntry)| {
        Fault::new(format!("a backend of the type `{}` is named by a host, not by an app", entry.kind))
            .at(name.span.clone())
            .hint(format!("put [backends.{name}] into the host's file, and link to it by name"))
    };
    backends.iter().filter(|(_, entry)| is_of_host(entry.kind)).map(fault).collect()
}

fn redefined(backends: &BTreeMap<Written<BackendName>, BackendEntry>) -> Vec<Fault> {
    let implicit = implicit_backends();
    let kind_of = |name: &BackendName| {
        implicit.iter().find(|(known, _)| *known == name.as_str()).map(|(_, spec)| spec.engine.kind())
    };
    let is_other = |(name, entry): &(&Written<BackendName>, &BackendEntry)| {
        kind_of(&name.value).is_some_and(|kind| kind != entry.kind)
    };
    let fault = |(name, entry): (&Written<BackendName>, &BackendEntry)| {
        Fault::new(format!("the backend `{name}`, which every host has, cannot be of the type `{}`", entry.kind))
            .at(name.span.clone())
            .hint(format!("choose another name for a backend of that type, as in [backends.my-{}]", entry.kind))
    };
    backends.iter().filter(is_other).map(fault).collect()
}
