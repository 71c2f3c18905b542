//! `wattle logs`: the last lines of the log, and those that come.

use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use wattle_spec::control::{LogLine, Speaker};

use super::{harmless, stop, tell};
use crate::cli::{Logs, LogsOf};
use crate::control::{AskError, Asked, Hosts, Told};
use crate::problem::Problem;

/// What comes from the log of one of several hosts.
type Lines = BoxStream<'static, Result<Told, Problem>>;

pub(crate) fn run(arguments: &Logs) -> Result<(), Problem> {
    stop::runtime()?.block_on(async {
        let app = arguments.of.as_ref().map(|of| &of.app);
        let hosts = Hosts::find(arguments.asking.control.as_deref()).await?.with(app)?;
        let mut logs = Vec::new();
        for host in hosts {
            logs.push(lines(host, arguments).await?);
        }
        if arguments.follow {
            return tell_all(&mut stream::select_all(logs), arguments).await;
        }
        let mut told = Vec::new();
        for mut log in logs {
            while let Some(one) = log.next().await {
                told.push(one?);
            }
        }
        told.sort_by_key(|told| match told {
            Told::Line(line) => Some(line.time),
            Told::Lost(_) => None,
        });
        tell_all(&mut stream::iter(told.into_iter().map(Ok)).boxed(), arguments).await
    })
}

async fn lines(host: Asked, arguments: &Logs) -> Result<Lines, Problem> {
    let mut target = format!("/v1/logs?tail={}&follow={}", arguments.tail, arguments.follow);
    if let Some(LogsOf { app, component }) = &arguments.of {
        target += &format!("&app={app}");
        if let Some(component) = component {
            target += &format!("&component={component}");
        }
    }
    let client = host.client;
    let events = client.events(&target).await.map_err(|error| client.problem(error))?;
    let events = stream::unfold((events, client), async |(mut events, client)| {
        let next: Result<Told, AskError> = events.next().await?;
        Some((next.map_err(|error| client.problem(error)), (events, client)))
    });
    Ok(events.boxed())
}

async fn tell_all(
    told: &mut (impl stream::Stream<Item = Result<Told, Problem>> + Unpin),
    arguments: &Logs,
) -> Result<(), Problem> {
    while let Some(told) = told.next().await {
        let text = match told? {
            Told::Line(line) if arguments.asking.json => one_line(&json!(line)),
            Told::Lost(lost) if arguments.asking.json => one_line(&json!(lost)),
            Told::Line(line) => written(&line),
            Told::Lost(lost) => {
                tell(&format!("warning: {} lines came faster than they were read and are lost\n", lost.lost));
                continue;
            }
        };
        if !print_or_leave(&text)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether somebody still reads.
fn print_or_leave(text: &str) -> Result<bool, Problem> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(source) => Err(Problem::System { operation: "write to stdout", source }),
        Ok(()) => Ok(true),
    }
}

fn one_line(value: &Value) -> String {
    format!("{value}\n")
}

/// A line for people; where the host says more than one, the others are indented. What is known beside what a guest says
/// is in the JSON.
fn written(line: &LogLine) -> String {
    let LogLine { time, level, from, app, component, message, fields, .. } = line;
    let place = match (app, component) {
        (Some(app), Some(component)) => format!("{app}/{component}"),
        (Some(app), None) => app.to_string(),
        (None, _) => "host".into(),
    };
    let beside = match from {
        Speaker::Guest => String::new(),
        Speaker::Host => fields.iter().map(|(name, value)| format!(" {name}={value}")).collect(),
    };
    let level = level.to_ascii_uppercase();
    let lines: Vec<String> = format!("{message}{beside}").lines().map(harmless).collect();
    let said = lines.join("\n    ");
    format!("{time} {level:5} {place}: {said}\n")
}
