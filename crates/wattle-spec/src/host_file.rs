//! The operator's file, `host.toml`: where a host listens, where it keeps data, and what it provides by default.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::app::{BackendKind, BackendSpec, Scope};
use crate::document::{Document, HostPath, LimitTable, Written, generate, keyed};
use crate::fault::{Fault, listed, nearest};
use crate::interface::Interface;
use crate::limits::HostLimits;
use crate::listen::{CertificatePaths, Listen, Scheme};
use crate::manifest::{BackendEntry, LinkEntry, Links};
use crate::name::BackendName;
use crate::network::Network;

/// What a host listens on if nobody says otherwise.
pub const LISTEN_DEFAULT: Listen =
    Listen { scheme: None, address: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080) };

/// How a host is set up, as far as it does not depend on what runs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSpec {
    /// Where to listen for HTTP.
    pub listen: Vec<Listen>,
    /// The certificates for TLS, the first for clients that ask for no name that another is for.
    pub tls: Vec<CertificatePaths>,
    /// Who may say in header fields who a request came from, and what for.
    pub trusted_proxies: Vec<Network>,
    /// Whether each request is a line of the log.
    pub access_log: bool,
    /// Where the host keeps what it must not forget, relative to the file unless it is absolute. `None`: where the
    /// platform keeps such things.
    pub data_dir: Option<PathBuf>,
    /// Which set of backends stands behind what nobody linked.
    pub defaults: Defaults,
    /// Default providers by interface or package, set by the operator.
    pub links: BTreeMap<Interface, BackendName>,
    /// The backends that the operator named, beside `memory` and `disk`.
    pub backends: BTreeMap<BackendName, BackendSpec>,
    /// Limits of the host.
    pub limits: HostLimits,
}

/// A set of backends, each for the interfaces whose state it can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Defaults {
    /// Disk and memory of this host.
    #[default]
    Dev,
}

impl Default for HostSpec {
    fn default() -> Self {
        Self {
            listen: vec![LISTEN_DEFAULT],
            tls: Vec::new(),
            trusted_proxies: Vec::new(),
            access_log: false,
            data_dir: None,
            defaults: Defaults::default(),
            links: BTreeMap::new(),
            backends: BTreeMap::new(),
            limits: HostLimits::default(),
        }
    }
}

impl HostSpec {
    /// Parses a host's file.
    ///
    /// # Errors
    ///
    /// Every fault of the text, in its order.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        static SCHEMA: OnceLock<Value> = OnceLock::new();
        let mut document = Document::read(text, SCHEMA.get_or_init(schema))?;
        let backends = document.keys_of("backends");
        let links: Links = document.part("links").unwrap_or_default();
        document.add(unknown_backends(&links, backends));
        let listen: Vec<Written<Listen>> = document.part("listen").unwrap_or_default();
        if document.part::<Vec<IgnoredAny>>("tls").is_none_or(|all| all.is_empty()) {
            document.add(listen.iter().filter(|listen| listen.value.scheme == Some(Scheme::Https)).map(no_certificate));
        }
        document.finish::<HostFile>().map(HostFile::resolved)
    }
}

/// The JSON Schema of a host's file, for editors and for the documentation.
pub fn schema() -> Value {
    generate::<HostFile>()
}

/// A host's file as written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, title = "Wattle host", description = "A host of Wattle: `host.toml`.")]
struct HostFile {
    /// The addresses to listen on: with `https://` or `http://` in front, else for TLS if there is a certificate.
    #[schemars(extend("default" = [LISTEN_DEFAULT.to_string()]))]
    listen: Option<Vec<Listen>>,
    /// Certificates for TLS, read again when their files change. A client gets the first that is for the name it asks
    /// for, else the first of all.
    #[serde(default)]
    tls: Vec<TlsEntry>,
    /// The networks of proxies whose `X-Forwarded-*` fields are believed. From everybody else such fields are removed.
    #[serde(default)]
    trusted_proxies: Vec<Network>,
    /// Whether each request is a line of the log.
    #[serde(default)]
    access_log: bool,
    /// The directory for what the host must not forget, relative to this file.
    data_dir: Option<HostPath>,
    /// Which set of backends stands behind what nobody linked.
    #[serde(default)]
    #[schemars(extend("default" = "dev"))]
    defaults: Defaults,
    /// Default providers: an interface or a package, and the name of a backend. Links in a manifest win.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<Interface, LinkEntry>")]
    links: Links,
    /// Backends by name, beside `memory` and `disk`, which are always there.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<BackendName, BackendEntry>")]
    backends: BTreeMap<Written<BackendName>, BackendEntry>,
    /// Limits of the host.
    #[serde(default)]
    limits: LimitTable<HostLimits>,
}

/// A certificate as written: `[[tls]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct TlsEntry {
    /// The file with the chain of certificates as PEM, the server's own first, relative to this file.
    cert: HostPath,
    /// The file with its private key as PEM, relative to this file.
    key: HostPath,
}

impl HostFile {
    fn resolved(self) -> HostSpec {
        let default = HostSpec::default();
        HostSpec {
            listen: self.listen.unwrap_or(default.listen),
            tls: self.tls.into_iter().map(|entry| CertificatePaths::new(entry.cert.0, entry.key.0)).collect(),
            trusted_proxies: self.trusted_proxies,
            access_log: self.access_log,
            data_dir: self.data_dir.map(|HostPath(path)| path.into()),
            defaults: self.defaults,
            links: self.links.into_iter().map(|(key, link)| (key.value, link.to.value)).collect(),
            backends: self.backends.iter().map(|(name, entry)| (name.value.clone(), entry.resolved())).collect(),
            limits: self.limits.0,
        }
    }
}

/// The backends that every host has, with the spec that they have unless somebody redefines them.
pub fn implicit_backends() -> [(&'static str, BackendSpec); 2] {
    let own = |kind| BackendSpec { kind, scope: Scope::App };
    [("disk", own(BackendKind::Disk)), ("memory", own(BackendKind::Memory))]
}

fn no_certificate(listen: &Written<Listen>) -> Fault {
    Fault::new(format!("`{}` needs a certificate", listen.value))
        .at(listen.span.clone())
        .hint("add its files:\n[[tls]]\ncert = \"fullchain.pem\"\nkey = \"privkey.pem\"")
}

fn unknown_backends(links: &Links, mut known: BTreeSet<String>) -> Vec<Fault> {
    known.extend(implicit_backends().map(|(name, _)| name.into()));
    let unknown = |link: &&LinkEntry| !known.contains(link.to.value.as_str());
    let fault = |link: &LinkEntry| {
        let name = link.to.value.as_str();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "the backends are {}; to have another, add:\n[backends.{name}]\ntype = \"disk\"",
                listed(&known)
            ),
        };
        Fault::new(format!("there is no backend `{name}`")).at(link.to.span.clone()).hint(hint)
    };
    links.values().filter(unknown).map(fault).collect()
}
