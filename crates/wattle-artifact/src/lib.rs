//! What is shipped: Wasm artifacts in OCI registries.
//!
//! [`mod@format`] knows what artifacts look like, and nothing of where they are. [`registry`] moves manifests and blobs,
//! and nothing of what is in them; [`credentials`] are what it logs in with. [`store`] keeps bytes by their digest on
//! this machine, [`folder`] makes archives of directories and directories of archives. [`sign`] makes and checks
//! signatures, of bytes alone. What brings them together: [`fetch`],
//! [`look`], [`publish`] and [`signatures`]; [`progress`] says how far that is.

mod blocking;
pub mod credentials;
pub mod fetch;
pub mod folder;
pub mod format;
mod in_memory;
pub mod look;
pub mod progress;
pub mod publish;
pub mod registry;
pub mod sign;
pub mod signatures;
pub mod store;
