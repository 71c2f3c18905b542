//! What a host can provide.

use crate::interface::Interface;

/// An interface that a host implements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// With the version that is implemented.
    pub interface: Interface,
    /// The state that it keeps, and so the kind of backend that must stand behind it. `None`: it keeps none.
    pub state: Option<State>,
}

/// A kind of state that a backend can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Keys and values.
    KeyValue,
}
