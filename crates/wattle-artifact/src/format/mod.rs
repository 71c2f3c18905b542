//! What artifacts look like: their manifests and configurations, as bytes. Nothing here waits or does I/O.

pub mod manifest;
pub mod media_type;
