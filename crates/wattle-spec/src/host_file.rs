//! The operator's file, `host.toml`: where a host listens, where it keeps data, and what it provides by default.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::app::App;
use crate::backend::{BackendKind, BackendSpec, EngineSpec};
use crate::choices::Choices;
use crate::document::{Address, Document, HostPath, LimitTable, Written, generate, keyed};
use crate::fault::{Fault, FaultyFile};
use crate::interface::Interface;
use crate::label::LinkKey;
use crate::limits::HostLimits;
use crate::listen::{CertificatePaths, Listen, Scheme};
use crate::manifest::{BackendEntry, Cut, HostLinkEntry, Links, backend_faults};
use crate::name::BackendName;
use crate::network::AddressRange;
use crate::policy::{Policy, PolicyEntry, rule_faults};
use crate::reference::RegistryName;
use crate::resolve::{State, refusal};
use crate::telemetry::{TelemetryEntry, TelemetrySpec};

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
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether each request is a line of the log.
    pub access_log: bool,
    /// Where to listen for whoever watches the host: health, readiness, metrics. `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// Where the host is asked and told what to do from other machines. `None`: nowhere.
    pub control: Option<ControlSpec>,
    /// What the host tells of itself.
    pub telemetry: TelemetrySpec,
    /// Where the host keeps what it must not forget, relative to the file unless it is absolute. `None`: where the
    /// platform keeps such things.
    pub data_dir: Option<PathBuf>,
    /// Which set of backends stands behind what nobody linked.
    pub defaults: Defaults,
    /// Default providers by interface or package, set by the operator.
    pub links: Links,
    /// The interfaces and packages that nothing gets here.
    pub off: Vec<Interface>,
    /// The backends that the operator named, beside `memory` and `disk`.
    pub backends: BTreeMap<BackendName, BackendSpec>,
    /// The name servers that components' requests ask. None: those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// How registries are reached that are not reached as all others are.
    pub registries: BTreeMap<RegistryName, RegistrySpec>,
    /// What the operator lets run.
    pub policy: Policy,
    /// Limits of the host.
    pub limits: HostLimits,
    /// What the host recorded of the app that is resolved. It is in no file that people write.
    pub recorded: Choices,
    /// What was written and is not above, because it is faulty.
    pub cut: Cut,
}

/// Where a host is asked and told what to do from other machines: over TLS, by whoever has its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSpec {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The certificate that is shown there. Whoever asks has to call the host by a name in it.
    pub certificate: CertificatePaths,
    /// The file with the token, relative to the host's file unless it is absolute.
    pub token_file: PathBuf,
}

/// How a registry is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistrySpec {
    /// Who is asked before it when something is pulled, in this order.
    pub mirrors: Vec<RegistryName>,
    /// Whether it is spoken to by plain HTTP.
    pub plain_http: bool,
    /// A file with the authority that vouches for it (PEM), relative to the host's file unless it is absolute.
    pub ca: Option<PathBuf>,
}

/// A set of backends, each for the interfaces whose state it can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Defaults {
    /// What has state keeps it on the disk of this host.
    #[default]
    Dev,
    /// What has state keeps it on NATS, in the backend `nats`; log lines are sent there too.
    Nats,
}

impl Defaults {
    /// The backend for a kind of state, by name. `None`: what is built in does without one.
    pub fn backend(self, state: State) -> Option<BackendName> {
        let name = match (self, state) {
            (_, State::Secrets) | (Defaults::Dev, State::Config | State::Log) => return None,
            (Defaults::Dev, State::KeyValue | State::Blobs | State::Bus) => "disk",
            (Defaults::Nats, _) => NATS,
        };
        Some(BackendName::resembling(name))
    }
}

/// What the backend of `defaults = "nats"` is called.
const NATS: &str = "nats";

impl fmt::Display for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Defaults::Dev => "dev",
            Defaults::Nats => "nats",
        })
    }
}

impl Default for HostSpec {
    fn default() -> Self {
        Self {
            listen: vec![LISTEN_DEFAULT],
            tls: Vec::new(),
            trusted_proxies: Vec::new(),
            access_log: false,
            admin: None,
            control: None,
            telemetry: TelemetrySpec::default(),
            data_dir: None,
            defaults: Defaults::default(),
            links: Links::new(),
            off: Vec::new(),
            backends: BTreeMap::new(),
            name_servers: Vec::new(),
            registries: BTreeMap::new(),
            policy: Policy::default(),
            limits: HostLimits::default(),
            recorded: Choices::default(),
            cut: Cut::default(),
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
        match Self::parse_lenient(text) {
            (Some(host), faults) if faults.is_empty() => Ok(host),
            (_, faults) => Err(faults),
        }
    }

    /// What is sound of a host's file, if its text is TOML, and every fault of the text: so that faults of an app on such
    /// a host can be found beside them.
    pub fn parse_lenient(text: &str) -> (Option<Self>, Vec<Fault>) {
        let (host, faults) = match document(text) {
            Ok(document) => {
                let cut = Cut { backends: document.cut_of("backends"), ..Cut::default() };
                let (file, faults) = document.finish_lenient::<HostFile>();
                (file.map(|file| Self { cut, ..file.resolved() }), faults)
            }
            Err(faults) => (None, faults),
        };
        (host, faults.into_iter().map(|fault| fault.within(FaultyFile::Host)).collect())
    }
}

fn document(text: &str) -> Result<Document<'_>, Vec<Fault>> {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    let mut document = Document::read(text, SCHEMA.get_or_init(schema))?;
    document.add(unknown_backends(&document));
    document.add(backend_faults(&document.part("backends").unwrap_or_default()));
    document.add(rule_faults(&document.part("policy").unwrap_or_default()));
    let listen: Vec<Written<Listen>> = document.part("listen").unwrap_or_default();
    document.add(taken_twice(&listen));
    if document.part::<Vec<IgnoredAny>>("tls").is_none_or(|all| all.is_empty()) {
        document.add(listen.iter().filter(|listen| listen.value.scheme == Some(Scheme::Https)).map(no_certificate));
    }
    Ok(document)
}

/// The JSON Schema of a host's file, for editors and for the documentation.
pub fn schema() -> Value {
    generate::<HostFile>()
}

/// A host's file as written.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(
    deny_unknown_fields,
    title = "Wattle host",
    description = "A host of Wattle: `host.toml`, or whichever file `--config` names."
)]
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
    trusted_proxies: Vec<AddressRange>,
    /// Whether each request is a line of the log.
    #[serde(default)]
    access_log: bool,
    /// The address for `/healthz`, `/readyz` and `/metrics`, by plain HTTP. Without one they are nowhere.
    admin: Option<Address>,
    /// The control protocol for other machines, beside the control socket. Without it the host is asked on its own alone.
    control: Option<ControlEntry>,
    /// Traces and metrics for a collector of OpenTelemetry. What the variables `OTEL_*` say comes before it.
    #[serde(default)]
    telemetry: TelemetryEntry,
    /// The directory for what the host must not forget, relative to this file.
    data_dir: Option<HostPath>,
    /// Which set of backends stands behind what nobody linked.
    #[serde(default)]
    #[schemars(extend("default" = "dev"))]
    defaults: Defaults,
    /// Default providers: an interface or a package, with or without a label, and the name of a backend. Links in a
    /// manifest win.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<LinkKey, HostLinkEntry>")]
    links: Links,
    /// Interfaces and packages that are switched off: an app that imports one of them is refused, whatever links it.
    #[serde(default)]
    off: Vec<Interface>,
    /// Backends by name, beside `memory` and `disk`, which are always there. With `defaults = "nats"` the one called
    /// `nats` is the default.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<BackendName, BackendEntry>")]
    backends: BTreeMap<Written<BackendName>, BackendEntry>,
    /// The name servers, by address and port, that outgoing requests of components ask. Else those of the system.
    #[serde(default)]
    name_servers: Vec<Address>,
    /// How registries are reached that are not reached as all others are, by their host names.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<RegistryName, RegistryEntry>")]
    registries: BTreeMap<RegistryName, RegistryEntry>,
    /// What may run here. What is refused is refused before anything of it is compiled.
    #[serde(default)]
    policy: PolicyEntry,
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

/// The control protocol for other machines as written: `[control]`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct ControlEntry {
    /// The address to listen on. TLS alone is spoken there.
    #[schemars(extend("examples" = ["127.0.0.1:4711"]))]
    listen: Address,
    /// The file with the chain of certificates as PEM, the server's own first, relative to this file. Whoever asks has to
    /// call the host by a name in it.
    #[schemars(extend("examples" = ["control.pem"]))]
    cert: HostPath,
    /// The file with its private key as PEM, relative to this file.
    #[schemars(extend("examples" = ["control.key"]))]
    key: HostPath,
    /// The file with the token that whoever asks has to show, relative to this file: 32 characters or more, for the owner
    /// alone. It is read anew for each question.
    #[schemars(extend("examples" = ["token"]))]
    token_file: HostPath,
}

impl ControlEntry {
    fn resolved(self) -> ControlSpec {
        let certificate = CertificatePaths::new(self.cert.0, self.key.0);
        ControlSpec { listen: self.listen.0, certificate, token_file: self.token_file.0.into() }
    }
}

/// A registry as written: `[registries."ghcr.io"]`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
struct RegistryEntry {
    /// The host names of mirrors, which are asked first when something is pulled, in this order. They are never shown
    /// what the registry itself is logged in to with.
    #[serde(default)]
    mirrors: Vec<RegistryName>,
    /// Whether it is spoken to by plain HTTP. One on this machine is, if it does not speak TLS.
    #[serde(default)]
    plain_http: bool,
    /// A file with the authority that vouches for it as PEM, beside those that the system trusts; relative to this file.
    ca: Option<HostPath>,
}

impl RegistryEntry {
    fn resolved(self) -> RegistrySpec {
        let Self { mirrors, plain_http, ca } = self;
        RegistrySpec { mirrors, plain_http, ca: ca.map(|HostPath(path)| path.into()) }
    }
}

impl HostFile {
    fn resolved(self) -> HostSpec {
        let default = HostSpec::default();
        let mut backends: BTreeMap<_, _> =
            self.backends.iter().map(|(name, entry)| (name.value.clone(), entry.resolved())).collect();
        if self.defaults == Defaults::Nats {
            let nats = || BackendEntry::new(BackendKind::Nats).resolved();
            backends.entry(BackendName::resembling(NATS)).or_insert_with(nats);
        }
        HostSpec {
            listen: self.listen.unwrap_or(default.listen),
            tls: self.tls.into_iter().map(|entry| CertificatePaths::new(entry.cert.0, entry.key.0)).collect(),
            trusted_proxies: self.trusted_proxies,
            access_log: self.access_log,
            admin: self.admin.map(|Address(address)| address),
            control: self.control.map(ControlEntry::resolved),
            telemetry: self.telemetry.resolved(),
            data_dir: self.data_dir.map(|HostPath(path)| path.into()),
            defaults: self.defaults,
            links: self.links,
            off: self.off,
            backends,
            name_servers: self.name_servers.into_iter().map(|Address(address)| address).collect(),
            registries: self.registries.into_iter().map(|(name, entry)| (name, entry.resolved())).collect(),
            policy: self.policy.resolved(),
            limits: self.limits.0,
            recorded: Choices::default(),
            cut: Cut::default(),
        }
    }
}

/// The backends that every host has, with the spec that they have unless somebody redefines them.
pub fn implicit_backends() -> [(&'static str, BackendSpec); 2] {
    [("disk", BackendSpec::own(EngineSpec::Disk)), ("memory", BackendSpec::own(EngineSpec::Memory))]
}

/// The backend that `app` means by `name` on a host that names `hosts`: its own before the host's before those that
/// every host has.
pub fn backend_of(app: &App, hosts: &BTreeMap<BackendName, BackendSpec>, name: &BackendName) -> Option<BackendSpec> {
    backend_named(&app.backends, hosts, name)
}

/// The same for an app whose own backends are `own`.
pub(crate) fn backend_named(
    own: &BTreeMap<BackendName, BackendSpec>,
    hosts: &BTreeMap<BackendName, BackendSpec>,
    name: &BackendName,
) -> Option<BackendSpec> {
    let implicit = || implicit_backends().into_iter().find(|(known, _)| *known == name.as_str()).map(|(_, spec)| spec);
    own.get(name).or_else(|| hosts.get(name)).cloned().or_else(implicit)
}

fn no_certificate(listen: &Written<Listen>) -> Fault {
    Fault::new(format!("`{}` needs a certificate", listen.value))
        .at(listen.span.clone())
        .hint("add its files:\n[[tls]]\ncert = \"fullchain.pem\"\nkey = \"privkey.pem\"")
}

/// Links to backends that neither the file names nor every host has. An app cannot bring them.
fn unknown_backends(document: &Document<'_>) -> Vec<Fault> {
    let mut known = document.keys_of("backends");
    known.extend(implicit_backends().map(|(name, _)| name.into()));
    if document.part("defaults") == Some(Defaults::Nats) {
        known.insert(NATS.into());
    }
    let links: Links = document.part("links").unwrap_or_default();
    let unknown = links.values().filter(|link| !known.contains(link.to.value.as_str()));
    unknown.map(|link| refusal::backend(&link.to, &known)).collect()
}

/// Addresses that are listed more than once. Port 0 is another one each time.
fn taken_twice(listen: &[Written<Listen>]) -> Vec<Fault> {
    let earlier = |index: usize, address| listen[..index].iter().find(|first| first.value.address == address);
    let fault = |(index, listen): (usize, &Written<Listen>)| {
        let address = listen.value.address;
        let first = earlier(index, address).filter(|_| address.port() != 0)?;
        let fault = Fault::new(format!("the address {address} is there twice")).at(listen.span.clone());
        Some(fault.also(first.span.clone(), "the first is here").hint("remove one of the two"))
    };
    listen.iter().enumerate().filter_map(fault).collect()
}
