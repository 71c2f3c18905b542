//! The content store of this machine: blobs by their digest, and which references they were pulled as.
//!
//! ```text
//! store/                0700
//!   lock                locked (flock) for a moment: shared by who adds or touches, alone by who removes
//!   blobs/sha256/<hex>  a blob, whole: it was synced and had its digest when it took this name
//!   partial/<hex>       one that is being written, locked by who writes it; left behind, it is resumed
//!   partial/<hex>.<n>   the same by somebody who did not want to wait for the first; never resumed
//!   references/<hex>.json   what a reference led to; the name is the SHA-256 of the reference's text
//!   signatures/<hex>.json   which manifests hold signatures of an artifact; the name as above
//!   signatures/lock         locked by who changes these
//! ```
//!
//! Several processes may have it open. Every function may wait for the disk, and for a lock at most as long as it says:
//! call them where a thread may wait. Bytes are checked against their digest each time they are read. The time of
//! change of a file is when it was last used. Locks are the system's: whoever is killed holds none.

pub(crate) mod atomic;
pub(crate) mod directory;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod hash;
mod list;
pub(crate) mod lock;
mod partial;
mod prune;
mod reachable;
mod read;
mod reference;
mod signatures;
mod verify;
mod writer;

pub(crate) use atomic::Draft;
pub use directory::Store;
pub use error::{NoteError, StoreError};
pub use list::Blob;
pub use prune::{Prune, Pruned};
pub use reachable::{Child, Children, children};
pub use reference::{DamagedNote, KeptNote, Noted, References};
pub use signatures::SIGNATURES_MAX;
pub use verify::{DamagedBlob, Verified};
pub(crate) use writer::Whole;
pub use writer::{Begun, Writer};
