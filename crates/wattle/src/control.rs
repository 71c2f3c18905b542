//! The control protocol of a host: JSON over HTTP/1.1, on a unix socket that only its owner can reach, and for other machines
//! over TLS.
//!
//! What is asked and answered are the values of `wattle_spec::control`. The way of a question: `place` (which socket),
//! `door` (who comes), `guard` (who may ask, by a `token`), `server` (how long), `actions` (how many at a time), `routes`
//! (what is asked; `openapi` says it in the words of others, `repeats` what was asked before, `under_way` how far it is),
//! the host or the log, `answer`. `client` is the other end, `reach` says how it gets there, `distrust` why nobody is
//! trusted there, `hosts` finds all that live, and `process` waits for one to end.

mod actions;
mod answer;
mod client;
mod distrust;
mod door;
mod follow;
mod guard;
mod hosts;
mod openapi;
mod peers;
mod place;
mod process;
mod reach;
mod repeats;
mod routes;
mod server;
mod token;
mod under_way;
mod wire;

pub(crate) use client::AskError;
pub(crate) use door::Doors;
pub(crate) use guard::Guard;
pub(crate) use hosts::{Answers, Asked, Hosts};
pub(crate) use openapi::document;
pub(crate) use place::{Place, SocketError};
pub(crate) use reach::{HostAddress, Reach, ReachError};
pub(crate) use server::{Control, Served};
pub(crate) use token::{Token, TokenError};
