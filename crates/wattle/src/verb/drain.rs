//! `wattle drain`: ends a host in good order.

use std::time::Duration;

use tokio::time::timeout;
use wattle_spec::control::{Action, Done};

use super::{print, print_json, stop};
use crate::cli::Drain;
use crate::control::{AskError, Hosts};
use crate::problem::Problem;

/// How long a process may take to end that has said it does.
const GOODBYE: Duration = Duration::from_secs(30);

pub(crate) fn run(arguments: &Drain) -> Result<(), Problem> {
    stop::runtime()?.block_on(drain(arguments))
}

async fn drain(arguments: &Drain) -> Result<(), Problem> {
    let host = Hosts::find(&arguments.asking.reach()).await?.only()?;
    let (client, pid) = (&host.client, host.status.pid);
    let process = client.process().await.map_err(|error| client.problem(error))?;
    let drained = |done| match done {
        Done::Drained { cut } => Some(cut),
        _ => None,
    };
    let cut = client.act(&Action::Drain {}, drained).await.map_err(|error| match error {
        // A second signal ends it at once.
        AskError::Broken(_) | AskError::Gone => Problem::EndedUntold { host: client.address.clone() },
        error => client.problem(error),
    })?;
    let lingers = |_| Problem::Lingers { host: client.address.clone(), waited: GOODBYE };
    timeout(GOODBYE, process.ended()).await.map_err(lingers)?;
    match arguments.asking.json {
        true => print_json(&Done::Drained { cut })?,
        false => print(&format!("the host of process {pid} has ended\n"))?,
    }
    cut.map_or(Ok(()), |cut| Err(Problem::Cut(cut)))
}
