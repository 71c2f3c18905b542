//! The command trigger: a person, or a program, runs a component to its end or calls one of its exports.
//!
//! The guest gets the standard streams of this process as they are, and so a thread of its own: nothing else waits
//! while it waits for them. What must happen on time is decided outside of that thread.

mod call;
mod ended;
mod error;
mod run;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use wattle_spec::name::ComponentName;

pub use ended::Ended;
pub use error::CommandError;

use crate::component::Component;
use crate::engine::Engines;
use crate::instance::ProcessStreams;

/// A component that shall run once.
#[derive(Debug, Clone)]
pub struct Command {
    /// Which component of the app.
    pub component: ComponentName,
    /// What it gets as arguments, the name of the program first.
    pub arguments: Vec<String>,
    /// Where it is entered.
    pub start: Start,
    /// How long it may run, from the moment its code is there. `None`: as long as it likes.
    pub deadline: Option<Duration>,
}

/// Where a component is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Where commands are: `wasi:cli/run`, or `_start` of a core module.
    Main,
    /// An export, called with arguments in WAVE: `add(1, 2)`, `shop:cart/prices.total([1, 2])`.
    Export(String),
}

/// Runs `command` of a component that is loaded.
///
/// When this is dropped, the guest ends at its next tick, or when the stream that it waits for lets it go.
pub(crate) async fn run(
    component: Arc<Component>,
    engines: Arc<Engines>,
    command: Command,
) -> Result<Ended, CommandError> {
    let deadline = command.deadline;
    let (sender, ended) = oneshot::channel();
    start_thread(component, engines, command, sender).map_err(CommandError::Process)?;
    let ended = match deadline {
        Some(deadline) => match timeout(deadline, ended).await {
            Ok(ended) => ended,
            Err(_) => return Ok(Ended::Deadline),
        },
        None => ended.await,
    };
    ended.unwrap_or(Err(CommandError::Bug))
}

type Outcome = Result<Ended, CommandError>;

fn start_thread(
    component: Arc<Component>,
    engines: Arc<Engines>,
    command: Command,
    mut sender: oneshot::Sender<Outcome>,
) -> std::io::Result<()> {
    let streams = ProcessStreams::open()?;
    let runtime = engines.runtime()?;
    std::thread::Builder::new().name("wattle-command".into()).spawn(move || {
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                () = sender.closed() => None,
                () = streams.reader_gone() => Some(Ok(Ended::ReaderGone)),
                outcome = run::run(&component, &command, &streams) => Some(outcome),
            }
        });
        runtime.end();
        // Their clock had to tick until the guest had ended.
        drop(engines);
        if let Some(ended) = ended {
            let _ = sender.send(ended);
        }
    })?;
    Ok(())
}
