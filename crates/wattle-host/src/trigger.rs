//! Triggers: what calls a component.

pub(crate) mod command;
pub(crate) mod http;
