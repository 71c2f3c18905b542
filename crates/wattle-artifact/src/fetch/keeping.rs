//! What a fetch leaves here: written beside what still comes, so that the disk is waited for at the end, and once.
//!
//! The machine may stop at any moment, and then:
//!
//! - a blob that has its name has its bytes: each is synced before it is named, by the store;
//! - a note gets its name when all that came has its own, and what is in it was synced before;
//! - names last when their directory is synced: that of blobs once for all that came, that of notes at the same time. A
//!   name may be lost until then, and nobody was told yet that anything is here. A note that lasted where its blobs did
//!   not leads to what is not here, and what is not here is asked for again, or is told as that.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};
use wattle_spec::digest::Digest;

use super::FetchError;
use crate::blocking::{blocking, joined};
use crate::progress::Progress;
use crate::registry::Sink;
use crate::store::{Draft, Noted, Store, StoreError, Whole, Writer};

/// How many blobs may be on their way to the disk, each with an open file.
const AT_A_TIME: usize = 16;

/// What one fetch brought, on its way to the disk. Dropped before it is finished, that goes on, and nothing is noted.
pub(super) struct Keeping {
    store: Store,
    written: Mutex<Written>,
    drafts: Mutex<Vec<JoinHandle<Vec<Draft>>>>,
}

#[derive(Default)]
struct Written {
    /// Each says whether there is a new name.
    under_way: VecDeque<JoinHandle<Result<bool, StoreError>>>,
    is_new: bool,
}

impl Keeping {
    pub(super) fn new(store: &Store) -> Self {
        Self { store: store.clone(), written: Mutex::default(), drafts: Mutex::default() }
    }

    /// Begins to write a small blob.
    pub(super) async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), StoreError> {
        let store = self.store.clone();
        self.write(move || store.put_unsynced(&digest, &bytes)).await
    }

    /// Begins to give a blob its name.
    pub(super) async fn publish(&self, whole: Whole) -> Result<(), StoreError> {
        self.write(move || whole.publish().map(|()| true)).await
    }

    /// Begins to write notes, but for those that are noted already. What was fetched can be run without.
    pub(super) fn note(&self, notes: Vec<Noted>) {
        let store = self.store.clone();
        let draft = move |noted: Noted| {
            let is_same = |known: Option<Noted>| known.is_some_and(|known| known.digest == noted.digest);
            if store.noted(&noted.reference).is_ok_and(is_same) {
                return None;
            }
            store.draft(&noted).map_err(|error| not_noted(&error)).ok()
        };
        let draft = move || notes.into_iter().filter_map(draft).collect();
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner).push(spawn_blocking(draft));
    }

    async fn write(&self, work: impl FnOnce() -> Result<bool, StoreError> + Send + 'static) -> Result<(), StoreError> {
        let oldest = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.under_way.push_back(spawn_blocking(work));
            if written.under_way.len() > AT_A_TIME { written.under_way.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            let is_new = joined(oldest).await?;
            self.written.lock().unwrap_or_else(PoisonError::into_inner).is_new |= is_new;
        }
        Ok(())
    }

    /// Waits until nothing is written any more; if all went well, makes it last and notes it.
    pub(super) async fn finish<T>(self, outcome: Result<T, FetchError>) -> Result<T, FetchError> {
        let Self { store, written, drafts } = self;
        let Written { under_way, is_new } = written.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut named = Ok(is_new);
        for writing in under_way {
            let done = joined(writing).await;
            named = named.and_then(|is_new| done.map(|newer| is_new | newer));
        }
        let mut placed = Vec::new();
        for draft in drafts.into_inner().unwrap_or_else(PoisonError::into_inner) {
            placed.extend(joined(draft).await);
        }
        // Where it failed, the drafts go.
        let fetched = outcome?;
        let (is_new, has_notes, notes) = (named?, !placed.is_empty(), store.clone());
        let (synced, noted) = tokio::join!(
            blocking(move || if is_new { store.sync_blobs() } else { Ok(()) }),
            blocking(move || if has_notes { notes.place(placed) } else { Ok(()) }),
        );
        if let Err(error) = noted {
            not_noted(&error);
        }
        synced?;
        Ok(fetched)
    }
}

fn not_noted(error: &StoreError) {
    tracing::warn!(error = error as &dyn Error, "where a reference leads cannot be noted");
}

/// A blob on its way into the store.
pub(super) struct Kept {
    pub(super) writer: Writer,
    pub(super) failed: Option<StoreError>,
    pub(super) digest: Digest,
    pub(super) progress: Option<Progress>,
}

impl Kept {
    /// What goes on says only that it does not; why is kept.
    fn done(&mut self, done: Result<(), StoreError>) -> io::Result<()> {
        done.map_err(|error| {
            self.failed = Some(error);
            io::Error::other("the store does not take it")
        })
    }
}

impl Sink for Kept {
    fn have(&self) -> u64 {
        self.writer.have()
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let done = self.writer.write(bytes);
        if let Some(progress) = &self.progress {
            progress.at(&self.digest, self.writer.have());
        }
        self.done(done)
    }

    fn restart(&mut self) -> io::Result<()> {
        let done = self.writer.restart();
        self.done(done)
    }

    fn check(&mut self) -> Result<(), Digest> {
        self.writer.check()
    }
}
