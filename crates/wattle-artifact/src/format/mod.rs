//! What artifacts look like: their manifests and configurations, as bytes. Nothing here waits or does I/O.
//!
//! Components are written as the CNCF Wasm OCI artifact, version 0, and read in every [`form`] that is around.

pub mod annotation;
pub mod component;
pub mod form;
pub mod image;
pub mod manifest;
pub mod media_type;
pub mod spin;
pub mod wasm_config;
