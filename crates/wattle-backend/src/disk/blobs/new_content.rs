//! A content that is being written: nobody sees it before the index has it, and if that does not happen it is removed.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::block::Block;
use super::content_id::ContentId;
use super::contents::Contents;
use super::sweeper::Task;
use crate::error::BackendError;

/// A content that is being written.
pub(super) struct NewContent {
    contents: Arc<Contents>,
    id: ContentId,
    file: Option<File>,
    block: Block,
    size: u64,
    in_index: bool,
    _place: OwnedSemaphorePermit,
}

impl NewContent {
    /// An empty content, for a write that has this place. It has no file yet.
    pub(super) fn new(contents: &Arc<Contents>, place: OwnedSemaphorePermit) -> Self {
        let id = contents.next();
        let block = Block::first(id);
        Self { contents: contents.clone(), id, file: None, block, size: 0, in_index: false, _place: place }
    }

    pub(super) fn id(&self) -> ContentId {
        self.id
    }

    /// Its bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Goes on with `piece`. Blocks.
    pub(super) fn append(&mut self, piece: &Bytes) -> Result<(), BackendError> {
        self.size += piece.len() as u64;
        let mut rest = &**piece;
        while !rest.is_empty() {
            rest = self.block.fill(rest);
            if self.block.is_full() {
                self.write_block()?;
            }
        }
        Ok(())
    }

    /// Waits until the disk has all of it. Blocks.
    pub(super) fn finish(&mut self) -> Result<(), BackendError> {
        if self.file.is_none() || !self.block.is_empty() {
            self.write_block()?;
        }
        let file = self.file.take().expect("invariant: a block was written");
        self.contents.files.sync(self.id, &file)
    }

    /// The index has it.
    pub(super) fn keep(mut self) {
        self.in_index = true;
    }

    /// Nobody knows whether the index has it: it is looked up there, if what it says can be trusted.
    pub(super) fn doubt(mut self) {
        self.in_index = true;
        self.contents.task(Task::Check(self.id));
    }

    fn write_block(&mut self) -> Result<(), BackendError> {
        let file = match &mut self.file {
            Some(file) => file,
            missing => missing.insert(self.contents.files.create(self.id)?),
        };
        if !self.block.is_empty() {
            self.contents.files.write(self.id, file, self.block.sealed())?;
            self.block.next();
        }
        Ok(())
    }
}

impl Drop for NewContent {
    fn drop(&mut self) {
        // Closing may wait for the disk, and this thread may be a caller's.
        if let Some(file) = self.file.take() {
            self.contents.task(Task::Close(file));
        }
        if !self.in_index {
            self.contents.discard(self.id);
        }
    }
}
