//! Triggers: what calls a component.

pub(crate) mod call;
pub(crate) mod command;
pub(crate) mod cron;
pub(crate) mod entry;
pub(crate) mod ground;
pub(crate) mod http;
pub(crate) mod message;
pub(crate) mod service;
mod trap;

pub use trap::Trap;
