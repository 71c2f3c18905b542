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

/// The configuration of a Wasm artifact (CNCF Wasm OCI artifact, version 0).
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The one layer of a Wasm artifact; also a layer of an image of runwasi.
pub const WASM: &str = "application/wasm";

/// The configuration of what `wasm-to-oci` and Krustlet pushed.
pub const LEGACY_CONFIG: &str = "application/vnd.wasm.config.v1+json";
/// A layer of what `wasm-to-oci` and Krustlet pushed, and of a Spin app.
pub const LEGACY_WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";
/// The layer of what wasmCloud's tools pushed before they wrote [`WASM`].
pub const WASMCLOUD_WASM: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// A layer of an image of runwasi.
pub const RUNWASI_WASM: &str = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";

/// The configuration of a container image.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// [`IMAGE_CONFIG`] as Docker called it.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A layer of a container image: files.
pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// [`TAR`], compressed.
pub const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// [`TAR_GZIP`] as Docker called it.
pub const DOCKER_TAR_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The layer of a Spin app that says what its components are.
pub const SPIN_LOCK: &str = "application/vnd.fermyon.spin.application.v1+config";
