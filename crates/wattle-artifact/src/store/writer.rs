//! Writing a blob: hashed while it comes, and seen by nobody before it is whole.

use std::fmt;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use wattle_spec::digest::Digest;

use super::Store;
use super::error::{StoreError, failed};
use super::file;
use super::hash::{Hasher, each_piece};
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
    resumed: u64,
    seen: Seen,
    /// `None`: writing failed.
    partial: Option<Partial>,
}

/// What is in the file: hashed in the moment that it is seen, and not read a second time.
#[derive(Default)]
struct Seen {
    have: u64,
    hasher: Hasher,
    /// The same bytes, for whoever wants them as soon as they are here.
    copy: Option<Vec<u8>>,
}

/// A blob that is whole and what it should be, in a file that does not have its name yet.
pub(crate) struct Whole {
    store: Store,
    digest: Digest,
    partial: Partial,
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
        self.begin_with(Seen::default(), digest, size, patience)
    }

    /// The same, and what is written is kept in memory too, for [`Writer::complete`] to give out. The caller takes
    /// blobs of this `size`.
    pub(crate) fn begin_copied(&self, digest: &Digest, size: u64, patience: Duration) -> Result<Begun, StoreError> {
        let seen = Seen { copy: Some(Vec::new()), ..Seen::default() };
        self.begin_with(seen, digest, size, patience)
    }

    fn begin_with(&self, seen: Seen, digest: &Digest, size: u64, patience: Duration) -> Result<Begun, StoreError> {
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
        let writer = Writer { store: self.clone(), digest: *digest, size, resumed: 0, seen, partial: Some(partial) };
        writer.resume().map(Begun::Missing)
    }

    /// Keeps `bytes`.
    ///
    /// # Errors
    ///
    /// As for [`Store::begin`] and [`Writer::finish`].
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if let Some(whole) = self.written(&digest, bytes)? {
            whole.publish()?;
            self.sync_blobs()?;
        }
        Ok(digest)
    }

    /// The same for `bytes` that have this digest, and their name lasts when [`Store::sync_blobs`] was called: once for
    /// several. Says whether the name is new.
    pub(crate) fn put_unsynced(&self, digest: &Digest, bytes: &[u8]) -> Result<bool, StoreError> {
        match self.written(digest, bytes)? {
            Some(whole) => whole.publish().map(|()| true),
            None => Ok(false),
        }
    }

    /// Writes `bytes`, which have this digest. `None`: they are here.
    fn written(&self, digest: &Digest, bytes: &[u8]) -> Result<Option<Whole>, StoreError> {
        let Begun::Missing(mut writer) = self.begin(digest, bytes.len() as u64, Duration::ZERO)? else {
            return Ok(None);
        };
        writer.restart()?;
        writer.write(bytes)?;
        writer.complete().map(|(_, whole)| Some(whole))
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
    /// Goes on after what is in the file.
    fn resume(mut self) -> Result<Self, StoreError> {
        let partial = self.partial.as_ref().ok_or(StoreError::Broken { digest: self.digest })?;
        self.seen.expect(self.size);
        // One byte more than it may have: no more than that is looked at, or kept.
        let left = partial.file().take(self.size.saturating_add(1));
        each_piece(left, |piece| self.seen.add(piece)).map_err(failed("read", &partial.path))?;
        self.resumed = self.seen.have;
        if self.seen.have > self.size {
            self.restart()?;
        }
        Ok(self)
    }

    /// How many of its first bytes are written.
    pub fn have(&self) -> u64 {
        self.seen.have
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
        self.resumed = 0;
        self.seen.forget();
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
        if chunk.len() as u64 > self.size - self.seen.have {
            self.discard();
            return Err(StoreError::TooLong { digest: self.digest, size: self.size });
        }
        self.on_file("write", |mut file| file.write_all(chunk))?;
        self.seen.add(chunk);
        Ok(())
    }

    /// Whether what is written so far has the digest that the whole should have; else which it has.
    ///
    /// # Errors
    ///
    /// The digest that it has.
    pub fn check(&self) -> Result<(), Digest> {
        match self.seen.hasher.clone().digest() {
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
    pub fn finish(self) -> Result<(), StoreError> {
        let store = self.store.clone();
        let (_, whole) = self.complete()?;
        whole.publish()?;
        store.sync_blobs()
    }

    /// Checks that it is whole and what it should be, and gives out its bytes, if they were to be kept in memory, while
    /// the disk does not have them yet.
    ///
    /// # Errors
    ///
    /// As for [`Writer::finish`].
    pub(crate) fn complete(self) -> Result<(Option<Bytes>, Whole), StoreError> {
        let Self { store, digest, size, resumed, seen: Seen { have, hasher, copy }, partial } = self;
        let partial = partial.ok_or(StoreError::Broken { digest })?;
        if have < size {
            return Err(StoreError::TooShort { digest, have, size });
        }
        let found = hasher.digest();
        if found != digest {
            partial.discard();
            return Err(StoreError::Mismatch { digest, found, resumed });
        }
        Ok((copy.map(Bytes::from), Whole { store, digest, partial }))
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

impl Seen {
    /// Makes room for a copy of so many bytes. Where there is none, it grows as they come.
    fn expect(&mut self, size: u64) {
        if let (Some(copy), Ok(size)) = (&mut self.copy, usize::try_from(size)) {
            let _ = copy.try_reserve_exact(size);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(bytes);
        }
        self.have += bytes.len() as u64;
    }

    fn forget(&mut self) {
        (self.have, self.hasher) = (0, Hasher::default());
        self.copy.iter_mut().for_each(Vec::clear);
    }
}

impl Whole {
    /// Syncs it and gives it its name, which lasts when [`Store::sync_blobs`] was called: once for several.
    pub(crate) fn publish(self) -> Result<(), StoreError> {
        let Self { store, digest, partial } = self;
        let synced = partial.file().set_modified(SystemTime::now()).and_then(|()| partial.file().sync_all());
        if let Err(error) = synced {
            // What it has in it is not known any more.
            let error = failed("sync", &partial.path)(error);
            partial.discard();
            return Err(error);
        }
        let _shared = store.lock(Kind::Shared)?;
        partial.publish(&store.blob(&digest))
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, size, seen, .. } = self;
        let mut writer = f.debug_struct("Writer");
        writer.field("digest", digest).field("size", size).field("have", &seen.have).finish_non_exhaustive()
    }
}
