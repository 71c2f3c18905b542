//! Folders as archives, and archives as folders: the same files make the same archive, each time and everywhere, and what
//! an archive says is believed only after all of it was looked at.
//!
//! An archive is a tar of regular files and directories, without compression: entries sorted by path, no times, no
//! owners, the modes 0644 and 0755, GNU headers (a long name goes before its entry). Names are UTF-8.

mod archive;
mod clean;
mod compare;
mod error;
mod folders;
mod note;
mod pack;
mod unpack;

pub use clean::{DamagedFolder, PrunedFolders, VerifiedFolders};
pub use error::{ArchiveError, EntryFault, FolderError};
pub use folders::{Folders, HeldFolder, KeptFolder};
pub use pack::pack;
pub use unpack::{Unpacked, unpack};

/// The most bytes of the path of a file in a folder.
const PATH_MAX_LEN: usize = 1 << 10;

/// The most bytes of the archive of a folder, unless somebody says otherwise: 256 MiB.
pub const ARCHIVE_MAX_LEN: u64 = 256 << 20;

/// How much a folder may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderLimits {
    /// The most bytes of its archive.
    pub bytes: u64,
    /// The most files and directories in it.
    pub entries: usize,
}

impl Default for FolderLimits {
    /// 256 MiB ([`ARCHIVE_MAX_LEN`]), 20 000 entries.
    fn default() -> Self {
        Self { bytes: ARCHIVE_MAX_LEN, entries: 20_000 }
    }
}
