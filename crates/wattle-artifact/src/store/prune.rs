//! Making room: what nothing leads to and nobody used lately is removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use super::atomic::NEW;
use super::error::StoreError;
use super::file::{self, is_unused};
use super::list::Blob;
use super::lock::{Kind, Locked};
use super::reachable::{Children, Reached};
use super::signatures::KeptSignatures;
use super::{Store, directory};

/// What is to be removed.
pub struct Prune<'a> {
    /// What stays, with all that it leads to, whether a reference leads there or not.
    pub keep: &'a BTreeSet<Digest>,
    /// What a document leads to.
    pub children: &'a Children<'a>,
    /// What was used in this time before `now` stays. A pull that is under way in another process has used its blobs
    /// already and notes its reference at its end: choose more than a pull takes.
    pub grace: Duration,
    /// References that were not used for so long are forgotten first. `None`: none are.
    pub forget_after: Option<Duration>,
    /// The time on the wall.
    pub now: SystemTime,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// References that are forgotten.
    pub references: Vec<Reference>,
    /// Blobs.
    pub blobs: Vec<Digest>,
    /// Files that were left behind half written, and notes of the signatures of what is gone.
    pub remains: u64,
    /// The bytes of all of them.
    pub bytes: u64,
    /// The bytes of blobs that nothing leads to, and of what was left half written, that stay all the same, as they were
    /// used within the grace.
    pub recent_bytes: u64,
}

impl Store {
    /// Removes what nothing leads to and nobody used lately. May run beside pulls and reads of other processes.
    ///
    /// # Errors
    ///
    /// If the system refuses it. What was removed by then is gone, and nothing else.
    pub fn prune(&self, prune: &Prune<'_>) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        self.prune_references(prune, &mut pruned)?;
        self.prune_blobs(prune, &mut pruned)?;
        self.prune_partials(prune, &mut pruned)?;
        Ok(pruned)
    }

    fn prune_references(&self, prune: &Prune<'_>, pruned: &mut Pruned) -> Result<(), StoreError> {
        let is_due = |used| prune.forget_after.is_some_and(|age| is_unused(used, prune.now, age));
        for note in self.references()?.notes.into_iter().filter(|note| is_due(note.last_used)) {
            let reference = note.noted.reference;
            if let Some(bytes) = self.remove_if(&self.note_path(&reference), is_due)? {
                pruned.bytes += bytes;
                pruned.references.push(reference);
            }
        }
        for directory in [self.references_directory(), self.signatures_directory()] {
            for name in directory::names(&directory)?.iter().filter(|name| name.ends_with(NEW)) {
                self.prune_remains(prune, &directory.join(name), pruned)?;
            }
        }
        Ok(())
    }

    fn prune_blobs(&self, prune: &Prune<'_>, pruned: &mut Pruned) -> Result<(), StoreError> {
        // First what is here, then what leads there: what is added in between is not looked at.
        let blobs = self.bare_list()?;
        let here = blobs.iter().map(|blob| blob.digest).collect();
        let notes = self.references()?.notes;
        let roots = notes.iter().map(|note| note.noted.digest).chain(prune.keep.iter().copied());
        let reached = self.reached(roots, &here, prune.children)?;
        let is_due = |used| is_unused(used, prune.now, prune.grace);
        self.prune_signatures(is_due, &reached, pruned)?;
        let loose = |blob: &Blob| !reached.contains_key(&blob.digest);
        for Blob { digest, size, last_used, .. } in blobs.into_iter().filter(loose) {
            if !is_due(last_used) {
                pruned.recent_bytes += size;
            } else if let Some(bytes) = self.remove_if(&self.blob(&digest), is_due)? {
                pruned.bytes += bytes;
                pruned.blobs.push(digest);
            }
        }
        Ok(())
    }

    /// What is noted of signatures goes with what they are of.
    fn prune_signatures(
        &self,
        is_due: impl Fn(SystemTime) -> bool,
        reached: &Reached,
        pruned: &mut Pruned,
    ) -> Result<(), StoreError> {
        let loose = |kept: &KeptSignatures| !reached.contains_key(&kept.subject) && is_due(kept.last_used);
        for KeptSignatures { path, .. } in self.all_signatures()?.0.into_iter().filter(loose) {
            if let Some(bytes) = self.remove_if(&path, &is_due)? {
                pruned.bytes += bytes;
                pruned.remains += 1;
            }
        }
        Ok(())
    }

    fn prune_partials(&self, prune: &Prune<'_>, pruned: &mut Pruned) -> Result<(), StoreError> {
        let directory = self.partials();
        for name in directory::names(&directory)? {
            let path = directory.join(name);
            // Whoever writes it has it locked, and nobody waits for it while it is ours.
            let file = match file::open(&path) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(error @ StoreError::Unsafe { .. }) => {
                    tracing::warn!(%error, "what is in the place of a blob that is being written is left alone");
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Ok(Some(_ours)) = Locked::wait(file, Kind::Alone, Duration::ZERO) {
                self.prune_remains(prune, &path, pruned)?;
            }
        }
        Ok(())
    }

    fn prune_remains(&self, prune: &Prune<'_>, path: &Path, pruned: &mut Pruned) -> Result<(), StoreError> {
        match self.remove_if(path, |used| is_unused(used, prune.now, prune.grace))? {
            Some(bytes) => {
                pruned.bytes += bytes;
                pruned.remains += 1;
            }
            // Unless it is gone by now.
            None => pruned.recent_bytes += fs::symlink_metadata(path).map_or(0, |metadata| metadata.len()),
        }
        Ok(())
    }
}
