//! `wattle listener`: where hosts serve, and what of that comes and goes.

use serde::{Deserialize, Serialize};
use wattle_spec::control::{Action, Done, ListenerAdded, ListenerOrigin, ListenerRemoved, ListenerStatus};

use super::table::Table;
use super::{print, print_json, stop};
use crate::cli::{Listener, ListenerList, ListenerOf};
use crate::control::Hosts;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Page {
    hosts: Vec<Host>,
}

#[derive(Serialize)]
struct Host {
    /// Where it is asked.
    control: String,
    #[serde(skip)]
    pid: u32,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    listeners: Vec<ListenerStatus>,
}

pub(crate) fn run(arguments: &Listener) -> Result<(), Problem> {
    match arguments {
        Listener::List(arguments) => list(arguments),
        Listener::Add(arguments) => change(arguments, &Action::AddListener { listen: arguments.listen }),
        Listener::Rm(arguments) => change(arguments, &Action::RemoveListener { listen: arguments.listen }),
    }
}

fn list(arguments: &ListenerList) -> Result<(), Problem> {
    let page = stop::runtime()?.block_on(async {
        let mut hosts = Vec::new();
        for host in Hosts::find(&arguments.asking.reach()).await?.all() {
            let client = &host.client;
            let answer = client.get("/v1/listeners").await.map_err(|error| client.problem(error))?;
            hosts.push(Host { control: client.address.to_string(), pid: host.status.pid, answer });
        }
        Ok::<_, Problem>(Page { hosts })
    })?;
    match arguments.asking.json {
        true => print_json(&page),
        false => print(&table(&page)),
    }
}

fn table(page: &Page) -> String {
    let mut table = Table::new(["LISTENER", "FROM", "CONNECTIONS", "PID"]);
    for Host { pid, answer, .. } in &page.hosts {
        for ListenerStatus { url, origin, connections, reason } in &answer.listeners {
            let open = if reason.is_some() { "-".into() } else { connections.to_string() };
            table.row([url.clone(), origin.to_string(), open, pid.to_string()]);
            if let Some(reason) = reason {
                table.line(&format!("  not served: {reason}"));
            }
        }
        if answer.listeners.is_empty() {
            table.line(&format!("the host of process {pid} serves nowhere"));
        }
    }
    table.to_string()
}

fn change(arguments: &ListenerOf, action: &Action) -> Result<(), Problem> {
    let done = stop::runtime()?.block_on(async {
        let host = Hosts::find(&arguments.asking.reach()).await?.only()?;
        host.client.act(action, Some).await.map_err(|error| host.client.problem(error))
    })?;
    match arguments.asking.json {
        true => print_json(&done)?,
        false => print(&told(&done))?,
    }
    match done {
        Done::ListenerRemoved(ListenerRemoved { url, cut: cut @ 1.., .. }) => Err(Problem::CutThere { url, cut }),
        _ => Ok(()),
    }
}

/// What was done, for people.
fn told(done: &Done) -> String {
    match done {
        Done::ListenerAdded(ListenerAdded { url, remembered }) => match remembered {
            true => format!("{url} added\n"),
            false => format!("{url} added until the host ends\n"),
        },
        Done::ListenerRemoved(ListenerRemoved { url, origin, left, .. }) => {
            let until = match again(*origin) {
                Some(why) => format!(" until the host is started again: {why}"),
                None => String::new(),
            };
            let left = if *left == 0 { "; the host serves nowhere now" } else { "" };
            format!("{url} removed{until}{left}\n")
        }
        _ => String::new(),
    }
}

/// Why a listener is there again when its host is started again, whoever removed it.
fn again(origin: ListenerOrigin) -> Option<&'static str> {
    match origin {
        ListenerOrigin::Added => None,
        ListenerOrigin::CommandLine => Some("the command line names it"),
        ListenerOrigin::HostFile => Some("host.toml names it"),
        ListenerOrigin::Default => Some("it serves there by default"),
        ListenerOrigin::SocketActivation => Some("whoever starts it passes the socket"),
        _ => Some("it was not added"),
    }
}
