//! What is in the store, and what needs it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::SystemTime;

use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use super::error::{StoreError, failed};
use super::reachable::Children;
use super::{Store, directory};

/// A blob of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// When it was last written, found or read, to a minute.
    pub last_used: SystemTime,
    /// The references that lead to it.
    pub referenced_by: Vec<Reference>,
}

impl Store {
    /// The blobs, by their digests. Their bytes are not checked.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn list(&self, children: &Children<'_>) -> Result<Vec<Blob>, StoreError> {
        let notes = self.references()?.notes;
        let mut blobs = self.bare_list()?;
        let here = blobs.iter().map(|blob| blob.digest).collect();
        let reached = self.reached(notes.iter().map(|note| note.noted.digest), &here, children)?;
        for blob in &mut blobs {
            let by = reached.get(&blob.digest).into_iter().flatten();
            blob.referenced_by = by.map(|&number| notes[number].noted.reference.clone()).collect();
        }
        Ok(blobs)
    }

    /// The blobs, and not yet what leads to them.
    pub(super) fn bare_list(&self) -> Result<Vec<Blob>, StoreError> {
        let mut blobs = Vec::new();
        for digest in self.digests()? {
            let path = self.blob(&digest);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => {
                    let last_used = metadata.modified().map_err(failed("read", &path))?;
                    blobs.push(Blob { digest, size: metadata.len(), last_used, referenced_by: Vec::new() });
                }
                Ok(_) => tracing::warn!(path = %path.display(), "what is in the place of a blob is no regular file"),
                // Removed since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", &path)(error)),
            }
        }
        Ok(blobs)
    }

    /// The digests that there is a file for.
    pub(super) fn digests(&self) -> Result<BTreeSet<Digest>, StoreError> {
        Ok(directory::names(&self.blobs())?.iter().filter_map(|name| digest_of(name)).collect())
    }
}

/// The digest of the blob whose file has this name, if one has.
pub(super) fn digest_of(name: &str) -> Option<Digest> {
    format!("sha256:{name}").parse().ok()
}
