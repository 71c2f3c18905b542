//! How far a push or a pull is, for whoever wants to draw it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use wattle_spec::digest::Digest;

use crate::format::manifest::Descriptor;

/// Bytes of blobs that go, and have gone. Handed to what moves them, and asked by who draws, on any thread, as often as
/// they like. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<State>>);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Bytes that have gone. What is sent a second time after a failure is not counted again.
    pub done: u64,
    /// Bytes that go, as far as it is known: what has not been looked at yet comes on top.
    pub of: u64,
}

#[derive(Debug, Default)]
struct State {
    /// How far each blob came at most.
    blobs: BTreeMap<Digest, u64>,
    moved: Moved,
}

impl Progress {
    /// How far it is now.
    pub fn now(&self) -> Moved {
        self.locked(|state| state.moved)
    }

    /// This blob goes. Said twice, it counts once.
    pub(crate) fn expect(&self, blob: &Descriptor) {
        self.locked(|state| {
            if let Entry::Vacant(unknown) = state.blobs.entry(blob.digest) {
                unknown.insert(0);
                state.moved.of = state.moved.of.saturating_add(blob.size);
            }
        });
    }

    /// So many bytes of a blob that is expected have gone.
    pub(crate) fn at(&self, digest: &Digest, position: u64) {
        self.locked(|State { blobs, moved }| {
            if let Some(most) = blobs.get_mut(digest) {
                moved.done = moved.done.saturating_add(position.saturating_sub(*most));
                *most = position.max(*most);
            }
        });
    }

    fn locked<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
