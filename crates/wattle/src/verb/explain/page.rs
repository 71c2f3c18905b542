//! What `wattle explain` prints for people.

use std::fmt::Write;

use wattle_spec::link::Provider;
use wattle_spec::resolve::Explained;

use super::Whole;
use super::json::{Granted, Heard, Mounted, Scheduled, Served, granted};
use crate::app_file::ExplainedComponent;

/// One table per component, its columns as wide as they must be, below it what is granted, and last the folders and the
/// schedules.
pub(super) fn of(components: &[ExplainedComponent], whole: &Whole) -> String {
    let Whole { files, schedules, messages } = whole;
    let imports = || components.iter().flat_map(|component| &component.imports);
    let import_width = imports().map(|line| line.what.to_string().len()).max().unwrap_or(0);
    let provider_width = imports().map(|line| provider(line.provider()).len()).max().unwrap_or(0);
    let mut pages = Vec::new();
    for component in components {
        let role = if component.is_service { " (service)" } else { "" };
        let mut page = format!("{}{role}\n", component.name);
        for explained in &component.imports {
            let (import, provider) = (explained.what.to_string(), provider(explained.provider()));
            let _ = writeln!(page, "  {import:import_width$}  {provider:provider_width$}  {}", reason(explained));
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
    pages.join("\n") + &message_page(messages)
}

/// Why it is so, and in short what would come next if that is something else.
fn reason(explained: &Explained) -> String {
    let mut others: Vec<_> = explained.others.iter().map(|other| provider(other.outcome.as_ref().ok())).collect();
    others.insert(0, provider(explained.provider()));
    others.dedup();
    let others: String = others[1..].iter().map(|other| format!("; else {other}")).collect();
    format!("{}{others}", explained.reason)
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

/// What provides an import, as one reads it.
pub(super) fn provider(provider: Option<&Provider>) -> String {
    provider.map_or("refused".into(), ToString::to_string)
}
