//! A whole app as an artifact: an index of its own manifest and of its components, so that one digest is all of it.
//!
//! ```text
//! index            artifactType APP, title and version of the app
//! ├ its own        artifactType APP: wattle.toml, wattle.lock, an archive for each static folder
//! └ one for each component that comes from a file, named by `dev.wattle.component`: as `component::pack` makes it,
//!                  so that whoever knows no apps can pull it by its digest
//! ```
//!
//! Components from registries are not in it: the lock says which they are. Ordered by name, so that the same app has the
//! same digest each time and everywhere. Read strictly: who does not know a part must not take the rest for the whole.

mod error;
mod pack;
mod read;

pub use error::AppFormError;
pub(crate) use error::LESS;
pub use pack::{AppAbout, AppParts, PackedApp, pack};
pub(crate) use read::total;
pub use read::{AppForm, component_layer, components, is_app, typed, untyped};

/// The type of the index and of the app's own manifest.
pub const APP: &str = "application/vnd.wattle.app.v1+json";
/// How the types of all that is ours and no older release knows begin.
const APP_FAMILY: &str = "application/vnd.wattle.app.";
/// The layer that is the text of `wattle.toml`, unchanged.
pub const MANIFEST_TEXT: &str = "application/vnd.wattle.manifest.v1+toml";
/// The layer that is the text of `wattle.lock`, unchanged.
pub const LOCK_TEXT: &str = "application/vnd.wattle.lock.v1+toml";
/// At the archive of a folder: its path as the manifest writes it.
pub const FOLDER: &str = "dev.wattle.folder";
/// At a component's manifest in the index: what the app's manifest calls it.
pub const COMPONENT: &str = "dev.wattle.component";

/// The most bytes of the text of a manifest, which is what a manifest may have, or of a lock.
pub const TEXT_MAX_LEN: u64 = wattle_spec::manifest::TEXT_MAX_LEN as u64;
/// The most components of an app.
pub const COMPONENTS_MAX: usize = 1000;
/// The most folders of an app.
pub const FOLDERS_MAX: usize = 1000;
/// The most bytes of all parts of an app together, each counted once: 1 GiB.
pub const APP_MAX_LEN: u64 = 1 << 30;
/// The most bytes of all manifests of an app together, its index not counted: some kilobytes for each are plenty.
pub const MEMBERS_MAX_LEN: u64 = 64 << 20;
