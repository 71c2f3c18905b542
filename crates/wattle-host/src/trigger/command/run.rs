//! One run: from the component to an instance, to its entry, to its end.

use super::call::Call;
use super::{Command, CommandError, Ended, Start};
use crate::capability::wasi::CommandLine;
use crate::component::Component;
use crate::instance::{ProcessStreams, process_store};
use crate::trigger::entry::{Entry, Main};

/// Runs `command` to its end.
pub(super) async fn run(
    component: &Component,
    command: &Command,
    streams: &ProcessStreams,
) -> Result<Ended, CommandError> {
    let call = match &command.start {
        Start::Main => None,
        Start::Export(text) => {
            let refused = |fault| CommandError::Call { call: text.clone(), fault: Box::new(fault) };
            Some(Call::read(text, &component.program).map_err(refused)?)
        }
    };
    let command_line = CommandLine { arguments: command.arguments.clone(), variables: Vec::new() };
    let mut store = process_store(component, &command_line, streams);
    let ended = match call {
        Some(call) => call.make(&component.program, &mut store).await.map(Ended::Value),
        None => Main(command_line).enter(component, &mut store).await.map(Ended::Exit),
    };
    Ok(ended.unwrap_or_else(|error| Ended::with(&error, &store)))
}
