//! The control socket of a host: JSON over HTTP/1.1 on a unix socket that only its owner can reach.
//!
//! What is asked and answered are the values of `wattle_spec::control`. The way of a question: `place` (which socket),
//! `server` (who may ask, how long), `query` and `routes` (what is asked), the host or the log, `answer`. `client` is the
//! other end, and `hosts` finds all that live.

mod answer;
mod client;
mod follow;
mod hosts;
mod place;
mod query;
mod routes;
mod server;

pub(crate) use client::{AskError, Told};
pub(crate) use hosts::{Answers, Asked, Hosts};
pub(crate) use place::{Place, SocketError};
pub(crate) use server::{Control, Served};
