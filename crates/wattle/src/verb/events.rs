//! `wattle events`: what hosts report: how apps are, services that end, schedules that fail, messages that are given up.

use wattle_spec::name::AppId;

use super::{following, stop};
use crate::cli::Events;
use crate::control::{Asked, Hosts};
use crate::problem::Problem;

pub(crate) fn run(arguments: &Events) -> Result<(), Problem> {
    let target = match &arguments.app {
        Some(app) => format!("/v1/events?app={app}&"),
        None => "/v1/events?".to_owned(),
    };
    stop::runtime()?.block_on(async {
        let hosts = Hosts::find(&arguments.asking.reach()).await?;
        let hosts = match &arguments.app {
            Some(app) => ever_with(hosts, app).await?,
            None => hosts.with(None)?,
        };
        following::print(hosts, &target, &arguments.following, arguments.asking.json).await
    })
}

/// All hosts, if one of them knows `app`, or still says something of one that is forgotten.
async fn ever_with(hosts: Hosts, app: &AppId) -> Result<Vec<Asked>, Problem> {
    let mut is_told = hosts.all().iter().any(|host| host.status.apps.iter().any(|status| status.app == *app));
    for Asked { client, .. } in hosts.all() {
        if is_told {
            break;
        }
        let last = client.events(&format!("/v1/events?app={app}&tail=1")).await;
        let mut last = last.map_err(|error| client.problem(error))?;
        is_told = last.next_soon().await.transpose().map_err(|error| client.problem(error))?.is_some();
    }
    hosts.with((!is_told).then_some(app))
}
