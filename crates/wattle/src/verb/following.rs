//! What hosts say, as it comes: lines of their logs, and their reports.

use futures::stream::{self, BoxStream, Stream, StreamExt};
use serde_json::{Value, json};
use wattle_spec::control::{Event, LogLine, Speaker, Told};

use super::{harmless, tell};
use crate::cli::Following;
use crate::control::{AskError, Asked};
use crate::problem::Problem;

/// What one of several hosts says.
type Says = BoxStream<'static, Result<Told, Problem>>;

/// Prints what `hosts` say at `target`.
pub(super) async fn print(hosts: Vec<Asked>, target: &str, how: &Following, json: bool) -> Result<(), Problem> {
    let target = format!("{target}tail={}&follow={}", how.tail, how.follow);
    let mut all = Vec::new();
    for host in hosts {
        all.push(said(host, &target).await?);
    }
    if how.follow {
        return print_all(&mut stream::select_all(all), json).await;
    }
    let mut told = Vec::new();
    for mut says in all {
        while let Some(one) = says.next().await {
            told.push(one?);
        }
    }
    told.sort_by_key(|told| match told {
        Told::Line(line) => Some(line.time),
        Told::Report(event) => Some(event.time),
        _ => None,
    });
    print_all(&mut stream::iter(told.into_iter().map(Ok)).boxed(), json).await
}

async fn said(host: Asked, target: &str) -> Result<Says, Problem> {
    let client = host.client;
    let events = client.events(target).await.map_err(|error| client.problem(error))?;
    let events = stream::unfold((events, client), async |(mut events, client)| {
        let next: Result<Told, AskError> = events.next().await?;
        Some((next.map_err(|error| client.problem(error)), (events, client)))
    });
    Ok(events.boxed())
}

async fn print_all(told: &mut (impl Stream<Item = Result<Told, Problem>> + Unpin), json: bool) -> Result<(), Problem> {
    while let Some(told) = told.next().await {
        let text = match told? {
            Told::Line(line) if json => one_line(&json!(line)),
            Told::Report(event) if json => one_line(&json!(event)),
            Told::Lost(lost) if json => one_line(&json!(lost)),
            Told::Line(line) => written(&line),
            Told::Report(event) => reported(&event),
            Told::Lost(lost) => {
                tell(&format!("warning: {} came faster than they were read and are lost\n", lost.lost));
                continue;
            }
            // Nobody asked for it here.
            Told::Progress(_) | Told::Done(_) | Told::Refused(_) => continue,
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

/// A report for people.
fn reported(event: &Event) -> String {
    let Event { time, report, .. } = event;
    let place = report.app().map_or_else(|| "host".into(), ToString::to_string);
    format!("{time} {place}: {}\n", indented(&report.to_string()))
}

/// Where there is more than one line, the others are indented.
fn indented(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n    ")
}

/// A line for people. What is known beside what a guest says
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
    format!("{time} {level:5} {place}: {}\n", indented(&format!("{message}{beside}")))
}
