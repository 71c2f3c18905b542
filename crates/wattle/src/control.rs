//! The control socket of a host: JSON over HTTP/1.1 on a unix socket that only its owner can reach.
//!
//! What is asked and answered are the values of `wattle_spec::control`. The way of a question: `place` (which socket),
//! `server` (who may ask, how long), `actions` (how many at a time), `query` and `routes` (what is asked; `openapi` says it in the words of others, `repeats`
//! what was asked before, `under_way` how far it is), the host or the log, `answer`. `client` is the other end, `hosts` finds all that live, and `process`
//! waits for one to end.

mod actions;
mod answer;
mod client;
mod follow;
mod hosts;
mod openapi;
mod place;
mod process;
mod query;
mod repeats;
mod routes;
mod server;
mod under_way;

pub(crate) use client::{AskError, Told};
pub(crate) use hosts::{Answers, Asked, Hosts};
pub(crate) use openapi::document;
pub(crate) use place::{Place, SocketError};
pub(crate) use server::{Control, Served};
