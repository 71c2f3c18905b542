//! What is shipped: Wasm artifacts in OCI registries.
//!
//! [`format`] knows what artifacts look like, and nothing of where they are. [`registry`] moves manifests and blobs,
//! and nothing of what is in them. [`store`] keeps bytes by their digest on this machine. [`sign`] makes and checks
//! signatures, of bytes alone. What brings them together is a pull or a push.

pub mod credentials;
pub mod format;
pub mod registry;
pub mod sign;
pub mod store;
