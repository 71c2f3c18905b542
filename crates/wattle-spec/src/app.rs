//! An app as it will run: every default filled in, every import joined to a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::backend::BackendSpec;
use crate::cron::CronTrigger;
use crate::digest::Digest;
use crate::health::HealthCheck;
use crate::limits::{AppLimits, ComponentLimits};
use crate::link::Link;
use crate::message::MessageTrigger;
use crate::name::{AppId, BackendName, ComponentName, SecretName};
use crate::network::NetworkPolicy;
use crate::route::HttpRoute;
use crate::service::RestartPolicy;
use crate::shape::Shape;

/// What a user deploys, resolved. It holds names and digests; bytes come from whoever starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Which app.
    pub id: AppId,
    /// The components by name, services included.
    pub components: BTreeMap<ComponentName, ComponentSpec>,
    /// What HTTP requests reach which component or folder. No two are equal.
    pub routes: Vec<HttpRoute>,
    /// What runs when. No two have the same component, schedule and zone.
    pub crons: Vec<CronTrigger>,
    /// What messages reach which component. No two have the same component and subject.
    pub messages: Vec<MessageTrigger>,
    /// The backends that the manifest names, beside those that every host has.
    pub backends: BTreeMap<BackendName, BackendSpec>,
    /// What it is asked for before it takes requests.
    pub health: Option<HealthCheck>,
    /// Limits of the app as a whole.
    pub limits: AppLimits,
}

impl App {
    /// Whether something of it runs, or is called, without a request: a service, a schedule, a message.
    pub fn stays_awake(&self) -> bool {
        let is_called = !self.crons.is_empty() || !self.messages.is_empty();
        is_called || self.components.values().any(|component| component.service.is_some())
    }
}

/// One component of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSpec {
    /// The identity of its bytes.
    pub digest: Digest,
    /// What the bytes import and export.
    pub shape: Shape,
    /// Every import with its provider, and with that of the messages that it handles.
    pub links: Vec<Link>,
    /// What `wasi:config` answers.
    pub config: BTreeMap<String, String>,
    /// The secrets that it may read.
    pub secrets: BTreeSet<SecretName>,
    /// The environment variables that it sees; none of the host's unless named.
    pub env: BTreeMap<String, String>,
    /// The directories that it sees.
    pub mounts: Vec<Mount>,
    /// What of the network it may reach.
    pub network: NetworkPolicy,
    /// How its instances are kept.
    pub instances: InstancePolicy,
    /// When it is started again, if it is a service: it runs for as long as the app does.
    pub service: Option<RestartPolicy>,
    /// Its limits.
    pub limits: ComponentLimits,
}

/// A directory of the host that a component sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The directory on the host, absolute.
    pub host: PathBuf,
    /// Its path in the guest, absolute.
    pub guest: String,
    /// Whether the component may change it.
    pub access: Access,
}

/// What a component may do with a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read only.
    #[default]
    Read,
    /// Read and write.
    ReadWrite,
}

/// How instances of a component are kept between and during requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstancePolicy {
    /// How many requests one instance serves before it is dropped. 1: a fresh instance for each.
    pub reuse: NonZeroU32,
    /// How many requests one instance serves at a time. More than 1 only for WASI 0.3.
    pub concurrency: NonZeroU32,
    /// How long an instance may rest before it is dropped.
    pub idle: Duration,
}

impl InstancePolicy {
    /// The default of WASI 0.2: an instance of its own for each request.
    pub const FRESH: Self =
        Self { reuse: NonZeroU32::MIN, concurrency: NonZeroU32::MIN, idle: Duration::from_secs(10) };

    /// The default of WASI 0.3: reused and concurrent.
    pub const SHARED: Self = Self {
        reuse: NonZeroU32::new(1_000).unwrap(),
        concurrency: NonZeroU32::new(16).unwrap(),
        idle: Duration::from_secs(10),
    };
}
