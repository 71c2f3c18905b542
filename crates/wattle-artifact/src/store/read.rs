//! Reading blobs, and checking that they are what they were.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use wattle_spec::digest::Digest;

use super::Store;
use super::error::{StoreError, failed};
use super::file;

impl Store {
    /// The bytes of the blob `digest`, if it is here and has at most `max` of them. Marks it as used.
    ///
    /// # Errors
    ///
    /// If it has more bytes, if it is damaged (it is then removed), if what is in its place is not safe to use, or if
    /// the system refuses it.
    pub fn read(&self, digest: &Digest, max: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.blob(digest);
        let Some(file) = file::open(&path)? else { return Ok(None) };
        match self.checked(digest, &file, max)? {
            Some(bytes) => {
                file::touch(&file);
                Ok(Some(bytes))
            }
            None => {
                self.remove_damaged(digest, &file);
                Err(StoreError::Damaged { digest: *digest, path })
            }
        }
    }

    /// Whether the blob `digest` is here. Its bytes are not looked at, and it is not marked as used.
    ///
    /// # Errors
    ///
    /// If what is in its place is not safe to use, or if the system refuses it.
    pub fn contains(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(file::open(&self.blob(digest))?.is_some())
    }

    /// The same as [`Store::read`], and leaves everything as it is. `None`: it is missing, or damaged.
    pub(super) fn peek(&self, digest: &Digest, max: u64) -> Result<Option<Bytes>, StoreError> {
        let Some(file) = file::open(&self.blob(digest))? else { return Ok(None) };
        self.checked(digest, &file, max)
    }

    /// The bytes in the file. `None`: they are not those of `digest`.
    fn checked(&self, digest: &Digest, file: &File, max: u64) -> Result<Option<Bytes>, StoreError> {
        let path = self.blob(digest);
        let size = file.metadata().map_err(failed("read", &path))?.len();
        if size > max {
            return Err(StoreError::TooLarge { digest: *digest, size, max });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        // One byte more than it had: what grows while it is read is damaged.
        file.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok((Digest::of(&bytes) == *digest).then(|| bytes.into()))
    }

    /// Whoever asked is told that it is damaged; whether it could be removed matters less.
    pub(super) fn remove_damaged(&self, digest: &Digest, file: &File) {
        let path = self.blob(digest);
        match self.remove_opened(&path, file) {
            Ok(()) => tracing::warn!(%digest, path = %path.display(), "a damaged blob is removed"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%digest, path = %path.display(), error, "a damaged blob cannot be removed");
            }
        }
    }
}
