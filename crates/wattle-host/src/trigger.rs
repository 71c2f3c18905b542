//! Triggers: what calls a component.

mod call;
pub(crate) mod command;
pub(crate) mod cron;
mod entry;
pub(crate) mod ground;
pub(crate) mod http;
pub(crate) mod message;
pub(crate) mod service;
mod trap;

pub use trap::Trap;
