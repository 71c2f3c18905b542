//! Where an app keeps its state, as its host records it: a new default moves nobody's data.
//!
//! The choice of a default is recorded when the app starts for the first time and is what later starts find before the
//! defaults of then. What an operator moved is recorded, too: a written link to the old place leads to the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::backend::{BackendKind, BackendSpec, EngineSpec, Scope};
use crate::control::Moment;
use crate::host_file::backend_of;
use crate::label::LinkKey;
use crate::link::{Link, Linked, Provider, Rule};
use crate::name::{AppId, BackendName};
use crate::resolve::State;

/// The most bytes that a record may have.
pub const CHOICES_MAX_LEN: usize = 256 << 10;

/// The version of the format that this release writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// What is recorded of one app. By what is imported: a package, or a package with a label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// What a default chose.
    pub chosen: BTreeMap<LinkKey, Chosen>,
    /// Where what a written link leads to was moved to.
    #[serde(default)]
    pub moved: BTreeMap<LinkKey, Moved>,
    /// A move that has begun and has not ended: what is at its end is a part of a copy.
    #[serde(default)]
    pub moving: Option<Moving>,
}

/// A backend that a default chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Where.
    pub place: BackendPlace,
    /// Whether it is for what components open under the label, too.
    #[serde(default)]
    pub by_name: bool,
    /// Who chose it.
    pub by: ChosenBy,
    /// Since when.
    pub since: Moment,
}

/// Who chose a backend that no link names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChosenBy {
    /// A default, at the first start.
    Default,
    /// An operator, who moved what was kept there.
    Move,
}

/// State that was moved away from where a written link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// Where the link leads.
    pub from: BackendName,
    /// Where the state is.
    pub place: BackendPlace,
    /// Since when.
    pub since: Moment,
}

/// A move under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// What is moved: any import that leads there.
    pub key: LinkKey,
    /// Where to.
    pub to: BackendName,
    /// Since when.
    pub since: Moment,
}

/// A backend and what it is, as its name can come to mean another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendPlace {
    /// What it is called. Part of where an app's state is.
    pub backend: BackendName,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: BackendKind,
    /// Who shares it.
    pub scope: Scope,
    /// Of `nats`: its servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
}

/// The file that a record is in.
#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    app: AppId,
    #[serde(flatten)]
    rest: serde_json::Value,
}

/// Why a text is not the record of an app.
#[derive(Debug, thiserror::Error)]
pub enum ChoicesError {
    /// The system does not let it be read.
    #[error("it cannot be opened")]
    Io(#[from] std::io::Error),
    /// Longer than [`CHOICES_MAX_LEN`] bytes.
    #[error("it has more than {CHOICES_MAX_LEN} bytes")]
    TooLong,
    /// It is not what was written.
    #[error("it cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// A newer release wrote it.
    #[error("it has format {0}, and this release reads {FORMAT}")]
    Format(u32),
    /// It belongs to another app.
    #[error("it is the record of the app `{0}`")]
    OtherApp(AppId),
}

impl Choices {
    /// Reads the record of `app`.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn parse(text: &[u8], app: &AppId) -> Result<Self, ChoicesError> {
        if text.len() > CHOICES_MAX_LEN {
            return Err(ChoicesError::TooLong);
        }
        let Record { format, app: found, rest } = serde_json::from_slice(text)?;
        match (format == FORMAT, found == *app) {
            (false, _) => Err(ChoicesError::Format(format)),
            (_, false) => Err(ChoicesError::OtherApp(found)),
            (true, true) => Ok(serde_json::from_value(rest)?),
        }
    }

    /// The record of `app` as text.
    pub fn text(&self, app: &AppId) -> String {
        let rest = serde_json::to_value(self).expect("invariant: its keys are text");
        let record = Record { format: FORMAT, app: app.clone(), rest };
        serde_json::to_string_pretty(&record).expect("invariant: its keys are text") + "\n"
    }

    /// What the record of `app` is called, where its host keeps such things.
    pub fn file_name(app: &AppId) -> String {
        format!("{}.{}.json", app.namespace, app.name)
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is to be recorded when `app` starts `now` on a host that names `hosts`: this, and what defaults chose of which
    /// nothing is recorded yet. A choice whose state does not outlive the host is none: there is nothing to find again.
    pub fn started(&self, app: &App, hosts: &BTreeMap<BackendName, BackendSpec>, now: Moment) -> Self {
        let mut choices = self.clone();
        for link in app.components.values().flat_map(|component| &component.links) {
            let (Some(key), Provider::Backend(name)) = (key_of(link), &link.provider) else { continue };
            let Some(spec) = backend_of(app, hosts, name) else { continue };
            let place = BackendPlace::of(name, &spec);
            match link.rule {
                Rule::HostDefault | Rule::BuiltIn if place.outlives_host() => {
                    let known = choices.chosen.get(&key).is_some_and(|known| known.by_name);
                    let by_name = known || matches!(link.what, Linked::Name { .. });
                    choices.chosen.insert(key, Chosen { place, by_name, by: ChosenBy::Default, since: now });
                }
                // It may have other servers now.
                Rule::Recorded => {
                    choices.chosen.entry(key).and_modify(|chosen| chosen.place = place);
                }
                Rule::Moved => {
                    choices.moved.entry(key).and_modify(|moved| moved.place = place);
                }
                _ => {}
            }
            // Who uses the backend has more there than a copy.
            choices.moving = choices.moving.take().filter(|moving| moving.to != *name);
        }
        choices
    }
}

/// What `link` is recorded under, if a default that chose its provider is recorded: what an app keeps itself. Configuration
/// and secrets belong to the operator, who says where they are.
pub fn key_of(link: &Link) -> Option<LinkKey> {
    match link.state {
        Some(state) if is_recorded(state) => key(&link.what),
        _ => None,
    }
}

/// Whether a default's choice is recorded for that kind of state.
pub(crate) fn is_recorded(state: State) -> bool {
    match state {
        State::KeyValue | State::Blobs | State::Bus => true,
        State::Config | State::Secrets | State::Log => false,
    }
}

/// The package that is linked, with the label.
fn key(what: &Linked) -> Option<LinkKey> {
    let interface = what.interface()?.package_key();
    Some(LinkKey { interface, label: what.label().cloned() })
}

impl BackendPlace {
    /// That of the backend `name`, which is `spec`.
    pub fn of(name: &BackendName, spec: &BackendSpec) -> Self {
        let servers = match &spec.engine {
            EngineSpec::Nats(nats) => nats.servers.iter().map(ToString::to_string).collect(),
            EngineSpec::Memory | EngineSpec::Disk | EngineSpec::Environment { .. } | EngineSpec::Files { .. } => {
                Vec::new()
            }
        };
        Self { backend: name.clone(), kind: spec.engine.kind(), scope: spec.scope, servers }
    }

    /// Whether what is kept there is there when the host starts again.
    fn outlives_host(&self) -> bool {
        self.kind != BackendKind::Memory
    }

    /// Whether `other` is the same place. A system of several servers is the same while it has one of them.
    pub fn is(&self, other: &Self) -> bool {
        let known: BTreeSet<_> = self.servers.iter().collect();
        let shares_servers = known.is_empty() || other.servers.iter().any(|server| known.contains(server));
        (&self.backend, self.kind, self.scope) == (&other.backend, other.kind, other.scope) && shares_servers
    }

    /// It as lines of `host.toml`.
    pub fn lines(&self) -> String {
        let mut lines = format!("[backends.{}]\ntype = \"{}\"", self.backend, self.kind);
        if self.scope == Scope::Shared {
            lines += "\nscope = \"shared\"";
        }
        if !self.servers.is_empty() {
            lines += &format!("\nservers = {:?}", self.servers);
        }
        lines
    }
}

impl fmt::Display for BackendPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, scope, servers, .. } = self;
        let shared = if *scope == Scope::Shared { ", shared by all apps" } else { "" };
        match servers.is_empty() {
            true => write!(f, "of the type `{kind}`{shared}"),
            false => write!(f, "of the type `{kind}` at {}{shared}", servers.join(", ")),
        }
    }
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChosenBy::Default => "recorded at the first start",
            ChosenBy::Move => "moved there",
        })
    }
}
