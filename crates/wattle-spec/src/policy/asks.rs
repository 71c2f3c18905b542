//! What an app asks of its host, and what of it was approved.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::app::{Access, App, ComponentSpec, Mount};
use crate::backend::BackendSpec;
use crate::control::Moment;
use crate::interface::Interface;
use crate::link::{Link, Provider, Rule};
use crate::name::{AppId, BackendName, SecretName};
use crate::network::NetworkPolicy;
use crate::resolve::Grants;
use crate::route::RouteTarget;
use crate::shape::{ImportName, touches_nothing};

/// The most bytes that a record of what was approved may have.
pub const APPROVED_MAX_LEN: usize = 1 << 20;

/// The version of the format that this release writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// Everything that an app asks for: what its components import of the host, what its manifest grants them, the backends
/// that it brings, and folders that are not its own. In words, one thing each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asks(BTreeSet<String>);

/// What was approved of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    format: u32,
    app: AppId,
    /// What it may ask for.
    pub asks: Asks,
    /// Since when.
    pub since: Moment,
    /// Records that were written before had the components that asked for it here, which nobody wanted to know.
    #[serde(default, rename = "components", skip_serializing, deserialize_with = "whatever")]
    _components: (),
}

/// Why a text does not say what was approved.
#[derive(Debug, thiserror::Error)]
pub enum ApprovedError {
    /// The system does not let it be read.
    #[error("it cannot be opened")]
    Io(#[from] std::io::Error),
    /// Longer than [`APPROVED_MAX_LEN`] bytes.
    #[error("it has more than {APPROVED_MAX_LEN} bytes")]
    TooLong,
    /// It is not what was written.
    #[error("it cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// A newer release wrote it.
    #[error("it has format {0}, and this release reads {FORMAT}")]
    Format(u32),
    /// It belongs to another app.
    #[error("it is about the app `{0}`")]
    OtherApp(AppId),
}

impl Asks {
    /// What `app` asks for. `is_own` says which folders came with it.
    pub fn of(app: &App, is_own: impl Fn(&Path) -> bool) -> Self {
        let mut asks: BTreeSet<String> = app.backends.iter().map(of_backend).collect();
        asks.extend(app.routes.iter().filter_map(|route| match &route.target {
            RouteTarget::Files(folder) if !is_own(folder) => Some(format!("to serve the folder {}", folder.display())),
            RouteTarget::Files(_) | RouteTarget::Component(_) => None,
        }));
        for (name, component) in &app.components {
            asks.extend(of_component(component).into_iter().map(|ask| format!("{name}: {ask}")));
        }
        let messages = app.messages.iter();
        asks.extend(messages.map(|trigger| format!("{}: messages to {}", trigger.component, trigger.subject)));
        Self(asks)
    }

    /// What of it is not in `other`.
    pub fn beyond(&self, other: &Self) -> Vec<String> {
        self.0.difference(&other.0).cloned().collect()
    }
}

/// A backend with everything that is in force of it: another server is another backend.
fn of_backend((name, spec): (&BackendName, &BackendSpec)) -> String {
    let settings = spec.settings().into_iter().map(|(key, value)| format!("{key} = {value}"));
    format!("the backend {name}: {}", settings.collect::<Vec<_>>().join(", "))
}

/// Versions of interfaces and digests are left out: a newer version of the same asks for no more.
fn of_component(component: &ComponentSpec) -> BTreeSet<String> {
    let mut asks: BTreeSet<String> = component.links.iter().filter_map(of_link).collect();
    let ComponentSpec { network, secrets, mounts, .. } = component;
    asks.extend(granted(network, secrets, mounts));
    asks
}

impl Grants {
    /// What is granted in words, one thing each, without environment variables.
    pub fn in_words(&self) -> BTreeSet<String> {
        granted(&self.network, &self.secrets, &self.mounts)
    }
}

fn granted(network: &NetworkPolicy, secrets: &BTreeSet<SecretName>, mounts: &[Mount]) -> BTreeSet<String> {
    let mut asks = BTreeSet::new();
    asks.extend(network.http.iter().map(|origin| format!("HTTP to {origin}")));
    asks.extend(network.networks.iter().map(|range| format!("the network {range}")));
    asks.extend(network.tcp.0.iter().map(|endpoint| format!("TCP to {endpoint}")));
    asks.extend(network.udp.0.iter().map(|endpoint| format!("UDP to {endpoint}")));
    asks.extend(network.listen.iter().map(|address| format!("to listen at {address}")));
    asks.extend(secrets.iter().map(|secret| format!("the secret {secret}")));
    // Whoever may change a directory may read it.
    let read = |mount: &Mount| format!("to read the directory {}", mount.host.display());
    asks.extend(mounts.iter().map(read));
    let changed = mounts.iter().filter(|mount| mount.access == Access::ReadWrite);
    asks.extend(changed.map(|mount| format!("to change the directory {}", mount.host.display())));
    asks
}

/// What the host provides. What components of the app give each other stays in the app.
fn of_link(link: &Link) -> Option<String> {
    let what = match link.what.interface() {
        _ if matches!(link.provider, Provider::Component { .. }) => return None,
        Some(interface) if touches_nothing(interface) => return None,
        Some(interface) => Interface { version: None, ..interface.clone() }.to_string(),
        None => match &link.what {
            crate::link::Linked::Import(ImportName::Plain(name)) => name.clone(),
            _ => return None,
        },
    };
    let label = link.what.label().map_or(String::new(), |label| format!("#{label}"));
    // What a manifest leads elsewhere may lead to what others keep there.
    let place = match (&link.provider, link.rule) {
        (Provider::Backend(backend), Rule::ComponentLink | Rule::AppLink) => format!(" in the backend {backend}"),
        _ => String::new(),
    };
    Some(format!("{what}{label}{place}"))
}

fn whatever<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(from).map(drop)
}

impl Approved {
    /// What `app` asks for, `asks`, is approved since `now`.
    pub fn new(app: &App, asks: Asks, now: Moment) -> Self {
        Self { format: FORMAT, app: app.id.clone(), asks, since: now, _components: () }
    }

    /// Reads the record of `app`.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn parse(text: &[u8], app: &AppId) -> Result<Self, ApprovedError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }

        if text.len() > APPROVED_MAX_LEN {
            return Err(ApprovedError::TooLong);
        }
        let Format { format } = serde_json::from_slice(text)?;
        if format != FORMAT {
            return Err(ApprovedError::Format(format));
        }
        let approved: Self = serde_json::from_slice(text)?;
        match approved.app == *app {
            true => Ok(approved),
            false => Err(ApprovedError::OtherApp(approved.app)),
        }
    }

    /// The record as text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("invariant: its keys are text") + "\n"
    }

    /// What the record of `app` is called, where its host keeps such things.
    pub fn file_name(app: &AppId) -> String {
        format!("{}.{}.json", app.namespace, app.name)
    }
}
