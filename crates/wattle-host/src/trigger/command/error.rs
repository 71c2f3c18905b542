//! Why a command did not run at all.

use std::io;

use wattle_spec::fault::Fault;
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::shape::Shape;

use crate::error::StartError;

/// Why a command did not run at all.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The app has no such component.
    #[error("the app {app} has no component {component}")]
    NoComponent {
        /// Which app.
        app: AppId,
        /// Which component.
        component: ComponentName,
    },
    /// The component could not be loaded.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The component has no entry for commands.
    #[error("`{component}` is no command: it exports neither `wasi:cli/run` nor `_start`")]
    NoEntry {
        /// Which component.
        component: ComponentName,
        /// What it exports instead.
        shape: Box<Shape>,
    },
    /// The call that was asked for cannot be made.
    #[error("cannot call {call}: {fault}")]
    Call {
        /// What was asked for.
        call: String,
        /// What is wrong with it, and where in it.
        fault: Box<Fault>,
    },
    /// The system gave no thread, or not the standard streams.
    #[error("cannot start a thread for the command")]
    Process(#[source] io::Error),
    /// The thread of the command panicked.
    #[error("the host's own bug ended the command")]
    Bug,
}
