//! `wattle events`: what hosts report: how apps are, services that end, schedules that fail, messages that are given up.

use super::{following, stop};
use crate::cli::Events;
use crate::control::Hosts;
use crate::problem::Problem;

pub(crate) fn run(arguments: &Events) -> Result<(), Problem> {
    let target = match &arguments.app {
        Some(app) => format!("/v1/events?app={app}&"),
        None => "/v1/events?".to_owned(),
    };
    stop::runtime()?.block_on(async {
        // Of an app that is forgotten, too.
        let hosts = Hosts::find(&arguments.asking.reach()).await?.with(None)?;
        following::print(hosts, &target, &arguments.following, arguments.asking.json).await
    })
}
