//! What a host can provide.

use std::fmt;

use crate::interface::Interface;

/// An interface that a host implements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// With the version that is implemented.
    pub interface: Interface,
    /// The state that it keeps, and so the kind of backend that must stand behind it. `None`: it keeps none.
    pub state: Option<State>,
    /// Whether an instance goes on while its functions wait: they are `async`, or never wait.
    pub is_concurrent: bool,
    /// Whether components give what they open a name while they run, by which a link can be chosen.
    pub has_names: bool,
    /// Whether it is imported under labels.
    pub labelling: Labelling,
}

/// Whether a component can import an interface under labels, each import with a link of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labelling {
    /// No: there is one of it.
    Never,
    /// If it wants to.
    Allowed,
    /// Only so: the label says what is wanted.
    Required,
}

/// A kind of state that a backend can keep, or a way that it can carry something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Keys and values.
    KeyValue,
    /// Objects in containers.
    Blobs,
    /// Messages on subjects.
    Bus,
    /// Configuration that can change while an app runs; without a backend it is what the manifest says.
    Config,
    /// Secrets; without a backend those that the host was started with.
    Secrets,
    /// Log lines that are sent somewhere beside the host's own log.
    Log,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::KeyValue => "keys and values",
            State::Blobs => "blobs",
            State::Bus => "messages",
            State::Config => "configuration",
            State::Secrets => "secrets",
            State::Log => "log lines",
        })
    }
}
