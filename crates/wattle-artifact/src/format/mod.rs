//! What artifacts look like: their manifests and configurations, as bytes. Nothing here waits or does I/O.
//!
//! Components are written as the CNCF Wasm OCI artifact, version 0, and read in every [`form`] that is around. A
//! whole [`app`] lists them.

pub mod annotation;
pub mod app;
pub mod component;
pub mod folder_path;
pub mod form;
pub mod image;
pub mod manifest;
pub mod media_type;
pub mod sbom;
pub mod spin;
pub mod wasm_config;
