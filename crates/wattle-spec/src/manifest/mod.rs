//! The manifest as written, `wattle.toml`: every value parsed and with its place, nothing filled in or looked up.

mod backend;
mod component;
mod cron;
mod cut;
mod health;
mod link;
mod message;
mod service;
mod source;
mod triggers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

pub(crate) use self::backend::faults as backend_faults;
use self::backend::of_host;
pub use self::backend::{BackendEntry, NatsTlsEntry};
pub use self::component::{AllowEntry, ComponentEntry, Instances, MountEntry};
pub use self::cron::CronEntry;
pub use self::cut::Cut;
pub use self::health::HealthEntry;
pub(crate) use self::link::HostLinkEntry;
pub use self::link::{LinkEntry, Links};
pub use self::message::{MessageEntry, RetryEntry};
pub use self::service::RestartEntry;
pub use self::source::{Pull, Source, SourceError};
pub(crate) use self::triggers::Known;
pub use self::triggers::{HttpTrigger, TriggerTarget, Triggers};
use crate::backend::BackendSpec;
pub use crate::document::{Address, GuestPath, HostPath, LimitTable, TEXT_MAX_LEN, Text, Variable, Version, Written};
use crate::document::{Document, generate, keyed};
use crate::fault::Fault;
use crate::label::LinkKey;
use crate::limits::AppLimits;
use crate::name::{AppId, AppName, BackendName, ComponentName, Namespace};
use crate::route::PathPattern;

/// What an app is called whose name cannot be used.
const NAME_STAND_IN: &str = "app";

/// A manifest as written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, title = "Wattle manifest", description = "An app for Wattle: `wattle.toml`.")]
pub struct Manifest {
    /// The name of the app: lower-case letters, digits and inner hyphens.
    pub name: Written<AppName>,
    /// The version of the app, for people and for registries.
    pub version: Option<Written<Version>>,
    /// The components of the app, by name.
    #[serde(default)]
    #[schemars(schema_with = "service::components")]
    pub components: BTreeMap<Written<ComponentName>, ComponentEntry>,
    /// Components that run for as long as the app does, by name: `wasi:cli/run`, or `_start` of a core module.
    #[serde(default)]
    #[schemars(schema_with = "service::services")]
    pub services: BTreeMap<Written<ComponentName>, ComponentEntry>,
    /// What calls the components. Without triggers nothing runs but services, and what a person runs.
    #[serde(default)]
    pub triggers: Triggers,
    /// Backends by name, beside `memory` and `disk`, which are always there.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<BackendName, BackendEntry>")]
    pub backends: BTreeMap<Written<BackendName>, BackendEntry>,
    /// Links for all components: an interface or a package, with or without a label, and what provides it: a backend, or
    /// a component. A component's own links win.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<LinkKey, LinkEntry>")]
    pub links: Links,
    /// What the app is asked for before it takes requests: when it starts, and when it takes the place of an earlier
    /// version of itself. Its services run by then, its schedules and messages do not.
    pub health: Option<HealthEntry>,
    /// Limits of the app as a whole.
    #[serde(default)]
    pub limits: LimitTable<AppLimits>,
    /// Where its name counts. It is not written there: whoever runs it says so.
    #[serde(skip)]
    pub namespace: Namespace,
    /// What was written and is not above, because it is faulty.
    #[serde(skip)]
    pub cut: Cut,
}

impl Manifest {
    /// Parses a manifest.
    ///
    /// # Errors
    ///
    /// Every fault that can be found in the text alone, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        Self::document(text)?.finish()
    }

    /// What is sound of a manifest, if its text is TOML, and every fault that can be found in the text alone: so that
    /// faults of what it names can be found beside those of the text. What a manifest needs has a stand-in.
    pub fn parse_lenient(text: &str) -> (Option<Self>, Vec<Fault>) {
        match Self::document(text) {
            Ok(mut document) => {
                document.stand_in("name", DeValue::String(NAME_STAND_IN.into()));
                document.stand_in("components", DeValue::Table(DeTable::new()));
                let mut components = document.cut_of("components");
                components.extend(document.cut_of("services"));
                let (backends, has_triggers) = (document.cut_of("backends"), document.has("triggers"));
                let (manifest, faults) = document.finish_lenient::<Self>();
                let cut = Cut { components, backends, routes: has_triggers && !faults.is_empty() };
                (manifest.map(|manifest| Self { cut, ..manifest }), faults)
            }
            Err(faults) => (None, faults),
        }
    }

    fn document(text: &str) -> Result<Document<'_>, Vec<Fault>> {
        static SCHEMA: OnceLock<Value> = OnceLock::new();
        let mut document = Document::read(text, SCHEMA.get_or_init(schema))?;
        let (components, services) = (document.keys_of("components"), document.keys_of("services"));
        if !document.has("components") && !document.has("services") {
            document.add([Fault::new("the key `components` is missing").hint("add a table, as in [components.NAME]")]);
        }
        document.add(service::named_twice(
            &document.part("components").unwrap_or_default(),
            &document.part("services").unwrap_or_default(),
        ));
        let triggers: Triggers = document.part("triggers").unwrap_or_default();
        document.add(triggers.faults(&Known { components, services }));
        let backends = document.part("backends").unwrap_or_default();
        document.add(backend_faults(&backends));
        document.add(of_host(&backends));
        Ok(document)
    }

    /// The backends that it names. Relative paths start from `base`.
    pub fn own_backends(&self, base: &Path) -> BTreeMap<BackendName, BackendSpec> {
        self.backends.iter().map(|(name, entry)| (name.value.clone(), entry.resolved().based(base))).collect()
    }

    /// The components and the services, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&Written<ComponentName>, &ComponentEntry)> {
        self.components.iter().chain(&self.services)
    }

    /// The same, to be changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = (&Written<ComponentName>, &mut ComponentEntry)> {
        self.components.iter_mut().chain(&mut self.services)
    }

    /// The manifest that a bare component stands for: an app of the component's name, which answers every request.
    pub fn for_component(name: &ComponentName, source: Source) -> Self {
        let target = TriggerTarget::Component(name.clone().into());
        let trigger = HttpTrigger { host: None, path: PathPattern::everything().into(), target };
        Self {
            name: AppName::resembling(name.as_str()).into(),
            version: None,
            components: BTreeMap::from([(name.clone().into(), ComponentEntry::new(source))]),
            services: BTreeMap::new(),
            triggers: Triggers { http: vec![trigger], cron: Vec::new(), message: Vec::new() },
            backends: BTreeMap::new(),
            links: Links::new(),
            health: None,
            limits: LimitTable::default(),
            namespace: Namespace::default(),
            cut: Cut::default(),
        }
    }

    /// Whether something of it runs, or is called, without a request, as [`App::stays_awake`](crate::app::App::stays_awake).
    pub fn stays_awake(&self) -> bool {
        let Triggers { http: _, cron, message } = &self.triggers;
        !self.services.is_empty() || !cron.is_empty() || !message.is_empty()
    }

    /// Which app it is.
    pub fn id(&self) -> AppId {
        AppId { namespace: self.namespace.clone(), name: self.name.value.clone() }
    }
}

/// The JSON Schema of a manifest, for editors and for the documentation.
pub fn schema() -> Value {
    generate::<Manifest>()
}
