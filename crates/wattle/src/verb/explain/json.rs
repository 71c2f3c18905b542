//! What `wattle explain --json` prints.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wattle_spec::app::{Access, Mount};
use wattle_spec::cron::CronTrigger;
use wattle_spec::fault::Fault;
use wattle_spec::link::Provider;
use wattle_spec::message::MessageTrigger;
use wattle_spec::name::SecretName;
use wattle_spec::resolve::{Behind, Explained, Grants, Other};

use super::Whole;
use crate::app_file::ExplainedComponent;

/// An app, or what was asked for of it.
#[derive(Serialize)]
pub(super) struct App<'a> {
    app: &'a str,
    components: Vec<Component<'a>>,
    /// The folders whose files are served.
    files: Vec<Served>,
    /// When what runs.
    schedules: Vec<Scheduled>,
    /// What messages call what.
    messages: Vec<Heard>,
}

#[derive(Serialize)]
pub(super) struct Heard {
    pub(super) subject: String,
    pub(super) component: String,
    /// Of which group one gets each message; absent: everyone does.
    pub(super) group: Option<String>,
    dead_letter: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Scheduled {
    pub(super) schedule: String,
    pub(super) timezone: String,
    pub(super) component: String,
    /// In UTC, as in RFC 3339.
    pub(super) next: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Served {
    /// The host, if it is for one, and the path.
    pub(super) route: String,
    pub(super) folder: String,
}

#[derive(Serialize)]
struct Component<'a> {
    component: &'a str,
    /// Whether it runs for as long as the app does.
    service: bool,
    imports: Vec<Import<'a>>,
    grants: Granted<'a>,
}

#[derive(Serialize)]
struct Import<'a> {
    import: String,
    #[serde(flatten)]
    choice: Choice<'a>,
    /// What is in force there: of a backend its type and scope, the servers and who the host is there; of a component its
    /// digest.
    settings: BTreeMap<&'static str, String>,
    /// What the other rules would have given, the one that comes next first.
    others: Vec<Choice<'a>>,
}

/// What a rule gives.
#[derive(Serialize)]
struct Choice<'a> {
    /// `built-in`, `backend` or `component`; absent if it is refused.
    provider: Option<&'static str>,
    /// The name of the backend.
    backend: Option<&'a str>,
    /// The name of the component, and how it is called: `apart` or `together`.
    component: Option<&'a str>,
    mode: Option<String>,
    /// The rule that chose it. `refused`: it is refused, whatever rule applies.
    rule: &'static str,
    reason: &'a str,
    hint: Option<&'a str>,
}

/// What a component may touch beside what it is linked to.
#[derive(Serialize)]
pub(super) struct Granted<'a> {
    pub(super) mounts: Vec<Mounted<'a>>,
    /// The names alone: values can be secrets.
    pub(super) env: Vec<&'a str>,
    /// The names.
    pub(super) secrets: Vec<&'a str>,
    /// As in `allow.http`.
    pub(super) http: Vec<String>,
    /// As in `allow.networks`.
    pub(super) networks: Vec<String>,
    /// As in `allow.tcp`.
    pub(super) tcp: Vec<String>,
    /// As in `allow.udp`.
    pub(super) udp: Vec<String>,
    /// As in `allow.listen`.
    pub(super) listen: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Mounted<'a> {
    pub(super) host: String,
    pub(super) guest: &'a str,
    pub(super) access: &'static str,
}

impl<'a> App<'a> {
    pub(super) fn new(app: &'a str, explained: &'a [ExplainedComponent], behind: &Behind<'_>, whole: Whole) -> Self {
        let Whole { files, schedules, messages } = whole;
        let components = explained.iter().map(|explained| component(explained, behind)).collect();
        Self { app, components, files, schedules, messages }
    }
}

impl Served {
    pub(super) fn new((route, folder): (String, PathBuf)) -> Self {
        Self { route, folder: folder.display().to_string() }
    }
}

impl Scheduled {
    pub(super) fn new(trigger: &CronTrigger, now: DateTime<Utc>) -> Self {
        Self {
            schedule: trigger.schedule.to_string(),
            timezone: trigger.zone.to_string(),
            component: trigger.component.to_string(),
            next: trigger.next_after(now).map(|next| next.format("%FT%TZ").to_string()),
        }
    }
}

impl Heard {
    pub(super) fn new(trigger: &MessageTrigger, group: Option<String>) -> Self {
        Self {
            subject: trigger.subject.to_string(),
            component: trigger.component.to_string(),
            group,
            dead_letter: trigger.dead_letter.as_ref().map(ToString::to_string),
        }
    }
}

fn component<'a>(explained: &'a ExplainedComponent, behind: &Behind<'_>) -> Component<'a> {
    Component {
        component: explained.name.as_str(),
        service: explained.is_service,
        imports: explained.imports.iter().map(|explained| import(explained, behind)).collect(),
        grants: granted(&explained.grants),
    }
}

fn import<'a>(explained: &'a Explained, behind: &Behind<'_>) -> Import<'a> {
    let Explained { what, outcome, reason, others, .. } = explained;
    let (provider, rule) = match outcome {
        Ok((provider, rule)) => (Ok(provider), rule.key()),
        Err(refusal) => (Err(refusal), "refused"),
    };
    let other = |other: &'a Other| choice(other.outcome.as_ref(), other.rule.key(), &other.reason);
    Import {
        import: what.to_string(),
        settings: provider.map_or_else(|_| BTreeMap::new(), |provider| behind.settings(provider).into_iter().collect()),
        choice: choice(provider, rule, reason),
        others: others.iter().map(other).collect(),
    }
}

fn choice<'a>(provider: Result<&'a Provider, &'a Fault>, rule: &'static str, reason: &'a str) -> Choice<'a> {
    let (backend, component, mode) = match provider {
        Ok(Provider::Backend(name)) => (Some(name.as_str()), None, None),
        Ok(Provider::Component { name, mode }) => (None, Some(name.as_str()), Some(mode.to_string())),
        Ok(Provider::BuiltIn) | Err(_) => (None, None, None),
    };
    Choice {
        provider: provider.ok().map(provider_key),
        backend,
        component,
        mode,
        rule,
        reason: provider.map_or_else(|refusal| refusal.message.as_str(), |_| reason),
        hint: provider.err().and_then(|refusal| refusal.hint.as_deref()),
    }
}

fn provider_key(provider: &Provider) -> &'static str {
    match provider {
        Provider::BuiltIn => "built-in",
        Provider::Backend(_) => "backend",
        Provider::Component { .. } => "component",
    }
}

pub(super) fn granted(grants: &Grants) -> Granted<'_> {
    Granted {
        mounts: grants.mounts.iter().map(mounted).collect(),
        env: grants.env.keys().map(String::as_str).collect(),
        secrets: grants.secrets.iter().map(SecretName::as_str).collect(),
        http: grants.network.http.iter().map(ToString::to_string).collect(),
        networks: grants.network.networks.iter().map(ToString::to_string).collect(),
        tcp: grants.network.tcp.0.iter().map(ToString::to_string).collect(),
        udp: grants.network.udp.0.iter().map(ToString::to_string).collect(),
        listen: grants.network.listen.iter().map(ToString::to_string).collect(),
    }
}

fn mounted(mount: &Mount) -> Mounted<'_> {
    Mounted {
        host: mount.host.display().to_string(),
        guest: &mount.guest,
        access: match mount.access {
            Access::Read => "read",
            Access::ReadWrite => "read-write",
        },
    }
}
