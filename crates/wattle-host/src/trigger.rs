//! Triggers: what calls a component.

pub(crate) mod http;
