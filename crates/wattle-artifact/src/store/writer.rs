//! Writing a blob: hashed while it comes, and seen by nobody before it is whole.

use std::fmt;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use wattle_spec::digest::Digest;

use super::Store;
use super::error::{StoreError, failed};
use super::file;
use super::hash::Hasher;
use super::lock::Kind;
use super::partial::Partial;

/// What is left to do for a blob.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is looked into at once, and never kept")]
pub enum Begun {
    /// Nothing: it is here.
    Present,
    /// To write what is missing.
    Missing(Writer),
}

/// A blob that is being written. Dropped before it is finished, what came is kept, and the next writer goes on there.
pub struct Writer {
    store: Store,
    digest: Digest,
    size: u64,
    have: u64,
    resumed: u64,
    hasher: Hasher,
    /// `None`: writing failed.
    partial: Option<Partial>,
}

impl Store {
    /// Begins to write the blob `digest` of `size` bytes, or finds that it is here and marks it as used.
    ///
    /// Somebody else who writes the same one is waited for, at most for `patience`. After that both write it, each to a
    /// file of its own: slower than waiting, but nobody depends on a process that may have stopped.
    ///
    /// # Errors
    ///
    /// If the blob is here with another size ([`StoreError::WrongSize`]), if what is in its place is not safe to use,
    /// or if the system refuses it.
    pub fn begin(&self, digest: &Digest, size: u64, patience: Duration) -> Result<Begun, StoreError> {
        if self.is_present(digest, size)? {
            return Ok(Begun::Present);
        }
        let path = self.partials().join(digest.hex());
        let partial = match Partial::resumable(&path, patience)? {
            Some(partial) if self.is_present(digest, size)? => {
                // Who had it locked has finished.
                partial.discard();
                return Ok(Begun::Present);
            }
            Some(partial) => partial,
            None => Partial::own(&path)?,
        };
        Writer::resume(self.clone(), partial, *digest, size).map(Begun::Missing)
    }

    /// Keeps `bytes`.
    ///
    /// # Errors
    ///
    /// As for [`Store::begin`] and [`Writer::finish`].
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if let Begun::Missing(mut writer) = self.begin(&digest, bytes.len() as u64, Duration::ZERO)? {
            writer.restart()?;
            writer.write(bytes)?;
            writer.finish()?;
        }
        Ok(digest)
    }

    /// Whether the blob is here. One of another size than announced is looked at closely: either it is damaged, and is
    /// removed, or what was announced is wrong.
    fn is_present(&self, digest: &Digest, announced: u64) -> Result<bool, StoreError> {
        let path = self.blob(digest);
        // Nobody removes it between our finding it and our marking it as used.
        let shared = self.lock(Kind::Shared)?;
        let Some(file) = file::open(&path)? else { return Ok(false) };
        file::touch(&file);
        drop(shared);
        let actual = file.metadata().map_err(failed("read", &path))?.len();
        if actual == announced {
            return Ok(true);
        }
        let mut hasher = Hasher::default();
        hasher.update_from(&file).map_err(failed("read", &path))?;
        if hasher.digest() == *digest {
            return Err(StoreError::WrongSize { digest: *digest, announced, actual });
        }
        tracing::warn!(%digest, path = %path.display(), "a damaged blob is removed and written again");
        self.remove_opened(&path, &file)?;
        Ok(false)
    }
}

impl Writer {
    fn resume(store: Store, partial: Partial, digest: Digest, size: u64) -> Result<Self, StoreError> {
        let mut hasher = Hasher::default();
        let have = hasher.update_from(partial.file()).map_err(failed("read", &partial.path))?;
        let mut writer = Self { store, digest, size, have, resumed: have, hasher, partial: Some(partial) };
        if have > size {
            writer.restart()?;
        }
        Ok(writer)
    }

    /// How many of its first bytes are written.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// How many bytes it has when it is whole.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Forgets what is written, also by an earlier writer.
    ///
    /// # Errors
    ///
    /// If the system refuses it, or if the writer failed before.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        (self.have, self.resumed, self.hasher) = (0, 0, Hasher::default());
        self.on_file("empty", |mut file| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0)).map(drop)
        })
    }

    /// Goes on with `chunk`.
    ///
    /// # Errors
    ///
    /// If that is more than announced, or if the system refuses it. What was written is then removed and the writer
    /// cannot be used any more.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        if chunk.len() as u64 > self.size - self.have {
            self.discard();
            return Err(StoreError::TooLong { digest: self.digest, size: self.size });
        }
        self.on_file("write", |mut file| file.write_all(chunk))?;
        self.hasher.update(chunk);
        self.have += chunk.len() as u64;
        Ok(())
    }

    /// Whether what is written so far has the digest that the whole should have; else which it has.
    ///
    /// # Errors
    ///
    /// The digest that it has.
    pub fn check(&self) -> Result<(), Digest> {
        match self.hasher.clone().digest() {
            found if found == self.digest => Ok(()),
            found => Err(found),
        }
    }

    /// Checks that it is whole and what it should be. When this returns, the disk has it.
    ///
    /// # Errors
    ///
    /// If bytes are missing (what came is kept), if it is something else (what came is removed), or if the system
    /// refuses it.
    pub fn finish(mut self) -> Result<(), StoreError> {
        let Self { digest, size, have, resumed, .. } = self;
        if self.partial.is_some() && have < size {
            return Err(StoreError::TooShort { digest, have, size });
        }
        let found = std::mem::take(&mut self.hasher).digest();
        if self.partial.is_some() && found != digest {
            self.discard();
            return Err(StoreError::Mismatch { digest, found, resumed });
        }
        self.on_file("sync", |file| {
            file.set_modified(SystemTime::now())?;
            file.sync_all()
        })?;
        let partial = self.partial.take().ok_or(StoreError::Broken { digest })?;
        let _shared = self.store.lock(Kind::Shared)?;
        partial.publish(&self.store.blob(&digest))
    }

    /// Does `work` on the file. If that fails, what it has in it is not known any more: it is removed.
    fn on_file(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&std::fs::File) -> std::io::Result<()>,
    ) -> Result<(), StoreError> {
        let partial = self.partial.as_ref().ok_or(StoreError::Broken { digest: self.digest })?;
        let done = work(partial.file()).map_err(failed(operation, &partial.path));
        if done.is_err() {
            self.discard();
        }
        done
    }

    fn discard(&mut self) {
        if let Some(partial) = self.partial.take() {
            partial.discard();
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, size, have, .. } = self;
        f.debug_struct("Writer").field("digest", digest).field("size", size).field("have", have).finish_non_exhaustive()
    }
}
