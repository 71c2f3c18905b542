//! The host as a library, with a clock that a test holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clock;
mod cron;
mod listeners;
mod messages;
mod native;
mod questions;
mod rig;
mod service;
mod site;
mod sleep;
mod update;
