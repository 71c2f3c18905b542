//! `wattle logs`: the last lines of the log, and those that come.

use super::{following, stop};
use crate::cli::{Logs, LogsOf};
use crate::control::Hosts;
use crate::problem::Problem;

pub(crate) fn run(arguments: &Logs) -> Result<(), Problem> {
    let mut target = "/v1/logs?".to_owned();
    if let Some(LogsOf { app, component }) = &arguments.of {
        target += &format!("app={app}&");
        if let Some(component) = component {
            target += &format!("component={component}&");
        }
    }
    stop::runtime()?.block_on(async {
        let app = arguments.of.as_ref().map(|of| &of.app);
        let hosts = Hosts::find(&arguments.asking.reach()).await?.with(app)?;
        following::print(hosts, &target, &arguments.following, arguments.asking.json).await
    })
}
