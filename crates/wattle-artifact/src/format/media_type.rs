//! The media types of what artifacts are made of.

/// A manifest of one artifact (OCI image specification 1.1).
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A list of manifests (OCI image specification 1.1).
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// [`MANIFEST`] as Docker called it.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// [`INDEX`] as Docker called it.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The configuration of an artifact that needs none: `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The configuration of a Wasm artifact (CNCF Wasm OCI artifact v0).
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The one layer of a Wasm artifact.
pub const WASM: &str = "application/wasm";
