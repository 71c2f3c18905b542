//! Cleaning the folders that are kept unpacked: what nobody uses goes, and what is not as it was unpacked.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use wattle_spec::digest::Digest;

use super::compare::is_same;
use super::error::FolderError;
use super::folders::{Folders, PATIENCE, is_ours, modified, remove_any};
use super::note::Note;
use crate::store::file;
use crate::store::lock::Kind;

/// What was removed for nobody had used it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunedFolders {
    /// The folders, by the digests of their archives.
    pub folders: Vec<Digest>,
    /// What was left behind half made.
    pub remains: u64,
    /// The bytes of the folders, as far as they were noted.
    pub bytes: u64,
    /// The bytes of those that nobody uses now and that stay all the same, as they were used within the grace.
    pub recent_bytes: u64,
}

/// What was found of the folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedFolders {
    /// How many are as they were unpacked.
    pub sound: u64,
    /// The bytes of these.
    pub bytes: u64,
    /// Those that are not, or of which nobody knows what they should be.
    pub damaged: Vec<DamagedFolder>,
}

/// A folder that is not what was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedFolder {
    /// The digest of its archive.
    pub digest: Digest,
    /// Where it is or was.
    pub path: PathBuf,
    /// Whether it is still there, as an app serves it. One that starts makes it anew.
    pub is_in_use: bool,
}

impl Folders {
    /// Removes what nobody has used for `grace` before `now`, and nothing that is being made or served.
    ///
    /// # Errors
    ///
    /// If the system refuses it. What was removed by then is gone, and nothing else.
    pub fn prune(&self, grace: Duration, now: SystemTime) -> Result<PrunedFolders, FolderError> {
        let mut pruned = PrunedFolders::default();
        let is_due = |used: Option<SystemTime>| used.is_some_and(|used| file::is_unused(used, now, grace));
        for digest in self.digests()? {
            if !is_due(self.last_used(&digest)?) && self.remains(&digest)?.is_empty() {
                let is_idle = modified(&self.marker(&digest))?.is_some()
                    && self.lock(&digest, Kind::Alone, Duration::ZERO)?.is_some();
                pruned.recent_bytes += if is_idle { self.sum(&digest).1 } else { 0 };
                continue;
            }
            // Where there was no marker, this makes one that says nothing of when the folder was used.
            let had_marker = modified(&self.marker(&digest))?.is_some();
            let Some(_alone) = self.lock(&digest, Kind::Alone, Duration::ZERO)? else { continue };
            let used = if had_marker { self.last_used(&digest)? } else { modified(&self.folder(&digest))? };
            for remains in self.remains(&digest)? {
                if is_due(modified(&remains)?) {
                    remove_any(&remains)?;
                    pruned.remains += 1;
                }
            }
            let is_there = modified(&self.folder(&digest))?.is_some();
            if is_there && is_due(used) {
                let (_, bytes) = self.sum(&digest);
                self.remove(&digest)?;
                pruned.folders.push(digest);
                pruned.bytes += bytes;
            } else if !is_there {
                self.remove(&digest)?;
            }
        }
        Ok(pruned)
    }

    /// Reads everything, and removes what is not as it was unpacked, unless an app serves it.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn verify(&self) -> Result<VerifiedFolders, FolderError> {
        let mut verified = VerifiedFolders::default();
        for digest in self.digests()? {
            let path = self.folder(&digest);
            let (is_in_use, _lock) = match self.lock(&digest, Kind::Alone, Duration::ZERO)? {
                Some(alone) => (false, alone),
                None => match self.lock(&digest, Kind::Shared, PATIENCE)? {
                    Some(shared) => (true, shared),
                    None => continue,
                },
            };
            let note = Note::read(&self.note(&digest))?;
            let is_there = modified(&path)?.is_some();
            match note {
                // It is being made.
                None if is_in_use => {}
                _ if !is_there && !is_in_use => self.remove(&digest)?,
                _ if !is_there => {}
                Some(note) if is_ours(&path) && is_same(&path, &note.entries).unwrap_or(false) => {
                    verified.sound += 1;
                    verified.bytes += note.sum().1;
                }
                _ => {
                    if !is_in_use {
                        self.remove(&digest)?;
                    }
                    verified.damaged.push(DamagedFolder { digest, path, is_in_use });
                }
            }
        }
        Ok(verified)
    }
}
