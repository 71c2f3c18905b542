//! The tests of the crate.

mod manifest;
