//! For tests: what every backend must do, once for all of them.
//!
//! A backend runs the suite in its own tests: `wattle_backend::key_value_conformance!(open)`, where `open()` gives a
//! store and whatever must live as long as it. For messages it is `wattle_backend::bus_conformance!(place)`, where
//! `place()` gives a [`Place`](bus::Place) that can be opened again.

pub mod bus;
pub mod key_value;
