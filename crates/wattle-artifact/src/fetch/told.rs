//! Manifests that came a moment ago, so that they do not come again before the disk has them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wattle_spec::digest::Digest;

/// How many are remembered.
const REMEMBERED: usize = 8;
/// The most bytes of one that is remembered. They have a few kilobytes; what is longer comes again.
const REMEMBERED_MAX_LEN: usize = 256 << 10;

/// Documents by their digests, the latest last. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<VecDeque<(Digest, Bytes)>>>);

impl Told {
    /// Remembers bytes that have this digest.
    pub(super) fn add(&self, digest: Digest, bytes: Bytes) {
        if bytes.len() > REMEMBERED_MAX_LEN {
            return;
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(known, _)| *known != digest);
        told.push_back((digest, bytes));
        if told.len() > REMEMBERED {
            told.pop_front();
        }
    }

    /// The bytes that have this digest.
    pub(super) fn find(&self, digest: &Digest) -> Option<Bytes> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().find(|(known, _)| known == digest).map(|(_, bytes)| bytes.clone())
    }
}
