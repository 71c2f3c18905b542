//! Where state lives: the backend traits, and the engines behind them.
//!
//! A backend stores bytes and versions. Whose they are ([`Bucket`](bucket::Bucket)), what an operation means and how
//! large a value may be is settled above the trait, so that every backend behaves the same; one conformance suite (the
//! module `conformance`, behind the feature of that name, for tests) proves it.

pub mod backend;
pub mod blobs;
pub mod bucket;
pub mod bus;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod disk;
pub mod error;
pub mod exchange;
pub mod key_value;
mod lifetime;
pub mod limits;
pub mod memory;
#[cfg(feature = "nats")]
pub mod nats;
mod page;
mod quota;
pub mod roots;
pub mod secrets;
mod small_file;
pub mod stores;
