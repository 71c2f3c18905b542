//! For tests: what every backend must do, once for all of them.
//!
//! A backend runs a suite in its own tests: `wattle_backend::key_value_conformance!(open)` or
//! `wattle_backend::blobs_conformance!(open, largest_bytes)`, where `open()` gives a store and whatever must live as
//! long as it; `wattle_backend::bus_conformance!(place)`, where `place()` gives a [`Place`](bus::Place) that can be
//! opened again.

pub mod blobs;
pub mod bus;
pub mod key_value;
mod odd_names;
