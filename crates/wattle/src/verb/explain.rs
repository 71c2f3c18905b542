//! `wattle explain`: what provides each import of each component and which rule chose it, and what else it is granted.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wattle_spec::app::{Access, Mount};
use wattle_spec::cron::CronTrigger;
use wattle_spec::link::{Provider, Rule};
use wattle_spec::message::MessageTrigger;
use wattle_spec::name::SecretName;
use wattle_spec::resolve::{Explained, Grants};

use super::{print, print_json};
use crate::app_file::{AppFile, ExplainedComponent};
use crate::cli::Explain;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct App<'a> {
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
struct Heard {
    subject: String,
    component: String,
    /// Of which group one gets each message; absent: everyone does.
    group: Option<String>,
    dead_letter: Option<String>,
}

#[derive(Serialize)]
struct Scheduled {
    schedule: String,
    timezone: String,
    component: String,
    /// In UTC, as in RFC 3339.
    next: Option<String>,
}

#[derive(Serialize)]
struct Served {
    /// The host, if it is for one, and the path.
    route: String,
    folder: String,
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
    /// `built-in` or `backend`; absent if the import is refused.
    provider: Option<&'static str>,
    /// The name of the backend.
    backend: Option<&'a str>,
    rule: &'static str,
    reason: &'a str,
    hint: Option<&'a str>,
}

/// What a component may touch beside what it is linked to.
#[derive(Serialize)]
struct Granted<'a> {
    mounts: Vec<Mounted<'a>>,
    /// The names alone: values can be secrets.
    env: Vec<&'a str>,
    /// The names.
    secrets: Vec<&'a str>,
    /// As in `allow.http`.
    http: Vec<String>,
    /// As in `allow.networks`.
    networks: Vec<String>,
    /// As in `allow.tcp`.
    tcp: Vec<String>,
    /// As in `allow.udp`.
    udp: Vec<String>,
    /// As in `allow.listen`.
    listen: Vec<String>,
}

#[derive(Serialize)]
struct Mounted<'a> {
    host: String,
    guest: &'a str,
    access: &'static str,
}

pub(crate) fn run(arguments: &Explain) -> Result<(), Problem> {
    let file = AppFile::read(&arguments.what)?;
    let explained = file.explain()?;
    let files: Vec<Served> = file
        .served_folders()
        .into_iter()
        .map(|(route, folder)| Served { route, folder: folder.display().to_string() })
        .collect();
    let now = chrono::Utc::now();
    let schedules: Vec<_> = file.schedules().iter().map(|trigger| scheduled(trigger, now)).collect();
    let messages: Vec<_> = file.messages().into_iter().map(|(trigger, group)| heard(&trigger, group)).collect();
    if arguments.json {
        let components = explained.iter().map(component).collect();
        print_json(&App { app: file.name(), components, files, schedules, messages })?;
    } else {
        print(&(page(&explained, &files, &schedules) + &message_page(&messages)))?;
    }
    // An app that is refused is explained too, and then refused.
    file.resolve().map(drop)
}

fn scheduled(trigger: &CronTrigger, now: DateTime<Utc>) -> Scheduled {
    Scheduled {
        schedule: trigger.schedule.to_string(),
        timezone: trigger.zone.to_string(),
        component: trigger.component.to_string(),
        next: trigger.next_after(now).map(|next| next.format("%FT%TZ").to_string()),
    }
}

fn heard(trigger: &MessageTrigger, group: Option<String>) -> Heard {
    Heard {
        subject: trigger.subject.to_string(),
        component: trigger.component.to_string(),
        group,
        dead_letter: trigger.dead_letter.as_ref().map(ToString::to_string),
    }
}

fn component(explained: &ExplainedComponent) -> Component<'_> {
    Component {
        component: explained.name.as_str(),
        service: explained.is_service,
        imports: explained.imports.iter().map(import).collect(),
        grants: granted(&explained.grants),
    }
}

fn import(explained: &Explained) -> Import<'_> {
    let (provider, backend, rule) = match &explained.outcome {
        Ok((Provider::BuiltIn, rule)) => (Some("built-in"), None, rule_key(*rule)),
        Ok((Provider::Backend(name), rule)) => (Some("backend"), Some(name.as_str()), rule_key(*rule)),
        Err(_) => (None, None, "refused"),
    };
    Import {
        import: explained.what.to_string(),
        provider,
        backend,
        rule,
        reason: &explained.reason,
        hint: explained.outcome.as_ref().err().and_then(|refusal| refusal.hint.as_deref()),
    }
}

fn rule_key(rule: Rule) -> &'static str {
    match rule {
        Rule::ComponentLink => "component-link",
        Rule::AppLink => "app-link",
        Rule::HostDefault => "host-default",
        Rule::BuiltIn => "built-in",
    }
}

fn granted(grants: &Grants) -> Granted<'_> {
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

/// One table per component, its columns as wide as they must be, below it what is granted, and last the folders and the
/// schedules.
fn page(components: &[ExplainedComponent], files: &[Served], schedules: &[Scheduled]) -> String {
    let imports = || components.iter().flat_map(|component| &component.imports);
    let import_width = imports().map(|line| line.what.to_string().len()).max().unwrap_or(0);
    let provider_width = imports().map(|line| provider(line).len()).max().unwrap_or(0);
    let mut pages = Vec::new();
    for component in components {
        let role = if component.is_service { " (service)" } else { "" };
        let mut page = format!("{}{role}\n", component.name);
        for explained in &component.imports {
            let (import, provider) = (explained.what.to_string(), provider(explained));
            let _ = writeln!(page, "  {import:import_width$}  {provider:provider_width$}  {}", explained.reason);
        }
        for line in grant_lines(&granted(&component.grants)) {
            let _ = writeln!(page, "  {line}");
        }
        pages.push(page);
    }
    if !files.is_empty() {
        let line = |served: &Served| format!("  {}  {}\n", served.route, served.folder);
        pages.push(format!("files\n{}", files.iter().map(line).collect::<String>()));
    }
    if !schedules.is_empty() {
        let line = |Scheduled { schedule, timezone, component, next }: &Scheduled| {
            let next = next.as_deref().unwrap_or("never");
            format!("  {component}  {schedule} ({timezone})  next at {next}\n")
        };
        pages.push(format!("schedules\n{}", schedules.iter().map(line).collect::<String>()));
    }
    pages.join("\n")
}

/// The triggers of messages, below everything else.
fn message_page(messages: &[Heard]) -> String {
    if messages.is_empty() {
        return String::new();
    }
    let line = |Heard { subject, component, group, .. }: &Heard| {
        let audience = group.as_ref().map_or("everyone".to_owned(), |group| format!("one of {group}"));
        format!("  {component}  {subject}  {audience}\n")
    };
    format!("\nmessages\n{}", messages.iter().map(line).collect::<String>())
}

fn grant_lines(granted: &Granted<'_>) -> Vec<String> {
    let Granted { mounts, env, secrets, http, networks, tcp, udp, listen } = granted;
    let mount = |mount: &Mounted<'_>| format!("granted: {} at {} ({})", mount.host, mount.guest, mount.access);
    let mut lines: Vec<String> = mounts.iter().map(mount).collect();
    lines.extend(env.iter().map(|name| format!("granted: the variable {name}")));
    lines.extend(secrets.iter().map(|name| format!("granted: the secret {name}")));
    lines.extend(http.iter().map(|origin| format!("granted: requests to {origin}")));
    lines.extend(networks.iter().map(|range| format!("granted: the network {range}")));
    lines.extend(tcp.iter().map(|endpoint| format!("granted: TCP with {endpoint}")));
    lines.extend(udp.iter().map(|endpoint| format!("granted: UDP with {endpoint}")));
    lines.extend(listen.iter().map(|address| format!("granted: listening at {address}")));
    if lines.is_empty() {
        lines.push("granted: no files, no environment, no network".into());
    }
    lines
}

fn provider(explained: &Explained) -> String {
    match &explained.outcome {
        Ok((provider, _)) => provider.to_string(),
        Err(_) => "refused".into(),
    }
}
