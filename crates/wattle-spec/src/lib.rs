//! What should run: the pure values of Wattle, from the manifest as written to the app that will run.
//!
//! Nothing here does I/O, knows an engine or waits. A manifest is parsed with its spans
//! ([`manifest`]), the bytes of its components are read for what they import and export ([`shape`]), and one
//! pure function ([`resolve`]) turns both, with what a host offers ([`host_file`]), into an [`App`](app::App) in which
//! every import has a provider and a reason. What is wrong comes out as a list of [faults](fault), never as the first.

pub mod app;
pub mod backend;
pub mod backoff;
pub mod choices;
pub mod control;
pub mod cron;
pub mod digest;
mod document;
pub mod fault;
pub mod health;
pub mod host_file;
pub mod interface;
pub mod label;
pub mod limits;
pub mod link;
pub mod listen;
pub mod lock;
pub mod manifest;
pub mod mask;
pub mod message;
pub mod name;
pub mod network;
pub mod policy;
pub mod quota;
pub mod reference;
pub mod report;
pub mod resolve;
pub mod route;
pub mod service;
pub mod shape;
pub mod socket;
pub mod subject;
pub mod telemetry;
pub mod units;
