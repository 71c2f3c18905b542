//! One component as written: `[components.NAME]`.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{LinkEntry, Links, Pull, RestartEntry, Source};
use crate::app::Access;
use crate::document::{Address, GuestPath, HostPath, LimitTable, Text, Variable, Written, keyed};
use crate::label::LinkKey;
use crate::limits::ComponentLimits;
use crate::name::SecretName;
use crate::network::{AddressRange, EndpointPattern, NetworkPolicy, OriginPattern, SocketPolicy};
use crate::units::Span;

/// A component as written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct ComponentEntry {
    /// Where the Wasm bytes are: a path, relative to the manifest, or a reference to a registry, as in
    /// `ghcr.io/shop/cart:1.0`.
    pub source: Written<Source>,
    /// When a registry is asked for the source.
    #[serde(default)]
    #[schemars(extend("default" = "missing"))]
    pub pull: Pull,
    /// The command that builds the source.
    pub build: Option<Written<String>>,
    /// What the component reads through `wasi:config`.
    #[serde(default)]
    pub config: BTreeMap<String, Text>,
    /// The secrets that the component may read, by name. Where they are read is a link of `wasmcloud:secrets`.
    #[serde(default)]
    pub secrets: BTreeSet<Written<SecretName>>,
    /// The environment variables that the component sees. It sees none of the host's.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<Variable, Text>")]
    pub env: BTreeMap<Variable, Text>,
    /// What provides the component's imports: an interface or a package, and the name of a backend or of another
    /// component. A key with a label, `wasi:keyvalue#sessions`, is for what the component opens by that name, and for an
    /// import that it calls so.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<LinkKey, LinkEntry>")]
    pub links: Links,
    /// Limits of the component.
    #[serde(default)]
    pub limits: LimitTable<ComponentLimits>,
    /// How instances of the component are kept. WASI 0.2: a fresh one for each request, unless `reuse` says more.
    /// WASI 0.3: reused and concurrent.
    pub instances: Option<Written<Instances>>,
    /// When the service is started again after it ended.
    pub restart: Option<RestartEntry>,
    /// Directories of the host that the component sees. It sees none otherwise.
    #[serde(default)]
    pub mounts: Vec<MountEntry>,
    /// What of the network the component may reach. It reaches nothing otherwise.
    #[serde(default)]
    pub allow: AllowEntry,
}

/// What of the network a component may reach, as written: `allow = { http = ["https://api.example.com"] }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct AllowEntry {
    /// The origins that it may send HTTP requests to: a scheme, a host (`*.example.com`: every name below it; `*`: any)
    /// and, if it is not that of the scheme, a port (`*`: any). `http://self` is the app itself: its own routes, by their
    /// paths, without a socket.
    #[serde(default)]
    pub http: Vec<OriginPattern>,
    /// The addresses that these may lead to beside the public ones: `loopback`, `private`, `link-local`, `metadata`, or a
    /// network, as in `10.1.0.0/16`.
    #[serde(default)]
    pub networks: Vec<AddressRange>,
    /// The endpoints that its TCP sockets may reach: addresses or a name, and a port (`*`: any). It may look up the names,
    /// which lead to public addresses and those of `networks`. On the loopback interface it may also listen.
    #[serde(default)]
    pub tcp: Vec<EndpointPattern>,
    /// The endpoints that its UDP sockets may reach, from the loopback interface alone.
    #[serde(default)]
    pub udp: Vec<Written<EndpointPattern>>,
    /// The addresses, with their ports (0: every one), at which its TCP sockets may listen for whoever can reach them.
    #[serde(default)]
    pub listen: Vec<Address>,
}

/// How instances are kept, as written: `instances = { reuse = 100, idle = "10s", concurrency = 8 }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Instances {
    /// How many requests one instance serves before it is dropped. 1: a fresh instance for each request.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub reuse: Option<Written<NonZeroU32>>,
    /// How long an instance may rest before it is dropped.
    pub idle: Option<Written<Span>>,
    /// How many requests one instance serves at a time. More than 1 only for WASI 0.3.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub concurrency: Option<Written<NonZeroU32>>,
}

/// A directory as written: `[[components.NAME.mounts]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct MountEntry {
    /// The directory on the host, relative to the manifest.
    pub host: Written<HostPath>,
    /// Its absolute path in the guest.
    pub guest: Written<GuestPath>,
    /// What the component may do with it.
    #[serde(default)]
    #[schemars(extend("default" = "read"))]
    pub access: Access,
}

impl ComponentEntry {
    /// A component of which nothing but the source is said.
    pub fn new(source: Source) -> Self {
        Self {
            source: source.into(),
            pull: Pull::default(),
            build: None,
            config: BTreeMap::new(),
            secrets: BTreeSet::new(),
            env: BTreeMap::new(),
            links: Links::new(),
            limits: LimitTable::default(),
            instances: None,
            restart: None,
            mounts: Vec::new(),
            allow: AllowEntry::default(),
        }
    }
}

impl AllowEntry {
    /// What it means.
    pub(crate) fn resolved(&self) -> NetworkPolicy {
        NetworkPolicy {
            http: self.http.clone(),
            networks: self.networks.clone(),
            listen: self.listen.iter().map(|Address(address)| *address).collect(),
            tcp: SocketPolicy(self.tcp.clone()),
            udp: SocketPolicy(self.udp.iter().map(|pattern| pattern.value.clone()).collect()),
        }
    }
}
