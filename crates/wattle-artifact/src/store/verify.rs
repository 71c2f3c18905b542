//! Checking all that is in the store.

use std::path::PathBuf;

use wattle_spec::digest::Digest;

use super::error::{StoreError, failed};
use super::hash::Hasher;
use super::list::digest_of;
use super::reference::DamagedNote;
use super::{Store, directory, file};

/// What was found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Blobs that have their bytes.
    pub sound: u64,
    /// How many bytes those are.
    pub bytes: u64,
    /// Blobs that had others. They are removed.
    pub damaged: Vec<DamagedBlob>,
    /// Notes of references and of signatures that could not be read. They are removed.
    pub notes: Vec<DamagedNote>,
    /// What is not ours and was left as it is.
    pub strange: Vec<PathBuf>,
}

/// A blob that had other bytes than were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// Which blob.
    pub digest: Digest,
    /// What its bytes were.
    pub found: Digest,
    /// The file that they were in.
    pub path: PathBuf,
}

impl Store {
    /// Reads all blobs and notes, and removes what is damaged. Nothing is marked as used.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let blobs = self.blobs();
        for name in directory::names(&blobs)? {
            match digest_of(&name) {
                Some(digest) => self.verify_blob(digest, &mut verified)?,
                None => verified.strange.push(blobs.join(name)),
            }
        }
        let (_, signatures) = self.all_signatures()?;
        for damaged in self.references()?.damaged.into_iter().chain(signatures) {
            match damaged.reason {
                StoreError::Note { .. } | StoreError::SignaturesNote { .. } => {
                    self.remove_if(&damaged.path, |_| true)?;
                    verified.notes.push(damaged);
                }
                StoreError::Unsafe { .. } => verified.strange.push(damaged.path),
                reason => return Err(reason),
            }
        }
        Ok(verified)
    }

    fn verify_blob(&self, digest: Digest, verified: &mut Verified) -> Result<(), StoreError> {
        let path = self.blob(&digest);
        let file = match file::open(&path) {
            Ok(Some(file)) => file,
            // Removed since.
            Ok(None) => return Ok(()),
            Err(StoreError::Unsafe { .. }) => {
                verified.strange.push(path);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut hasher = Hasher::default();
        let len = hasher.update_from(&file).map_err(failed("read", &path))?;
        let found = hasher.digest();
        if found == digest {
            verified.sound += 1;
            verified.bytes += len;
            return Ok(());
        }
        self.remove_opened(&path, &file)?;
        verified.damaged.push(DamagedBlob { digest, found, path });
        Ok(())
    }
}
