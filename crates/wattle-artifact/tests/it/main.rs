//! The tests of the crate.

mod component;
mod manifest;
