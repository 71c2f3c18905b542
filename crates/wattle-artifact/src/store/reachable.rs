//! Which blobs lead to which: from a manifest to its configuration and layers, from an index to its manifests.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use wattle_spec::digest::Digest;

use super::Store;
use super::error::StoreError;
use crate::format::manifest::{Descriptor, Document, MANIFEST_MAX_LEN};

/// What a document leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// A document, which may lead to more.
    Document(Digest),
    /// Bytes that lead nowhere.
    Blob(Digest),
}

/// Says what the bytes of a document lead to: nothing, if they are none. [`children`] is one.
pub type Children<'a> = dyn Fn(&[u8]) -> Vec<Child> + 'a;

/// What a manifest or an index leads to. What is said to be its subject is not: who signs something does not keep it.
pub fn children(bytes: &[u8]) -> Vec<Child> {
    let digest = |descriptor: &Descriptor| descriptor.digest;
    match Document::read(bytes, None) {
        Ok(Document::Index(index)) => index.manifests.iter().map(digest).map(Child::Document).collect(),
        Ok(Document::Manifest(manifest)) => {
            std::iter::once(&manifest.config).chain(&manifest.layers).map(digest).map(Child::Blob).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// What can be reached, each with the numbers of the roots that it can be reached from.
pub(super) type Reached = BTreeMap<Digest, BTreeSet<usize>>;

impl Store {
    /// What can be reached from `roots`, which are taken for documents, of what is `here`. A document that is here leads
    /// to its signatures as well, as far as they are noted. A document that is missing
    /// or damaged leads nowhere.
    pub(super) fn reached(
        &self,
        roots: impl IntoIterator<Item = Digest>,
        here: &BTreeSet<Digest>,
        children: &Children<'_>,
    ) -> Result<Reached, StoreError> {
        let signatures = self.signatures_by_subject()?;
        let mut reached = Reached::new();
        // A document is read once, however many lead to it.
        let mut known: BTreeMap<Digest, Vec<Child>> = BTreeMap::new();
        for (number, root) in roots.into_iter().enumerate() {
            let mut next = vec![Child::Document(root)];
            while let Some(child) = next.pop() {
                let (Child::Document(digest) | Child::Blob(digest)) = child;
                if !here.contains(&digest) {
                    continue;
                }
                let is_new = reached.entry(digest).or_default().insert(number);
                if let (true, Child::Document(_)) = (is_new, child) {
                    let children = match known.entry(digest) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(unknown) => unknown.insert(self.children_of(&digest, here, children)?),
                    };
                    next.extend(&*children);
                    next.extend(signatures.get(&digest).into_iter().flatten().copied().map(Child::Document));
                }
            }
        }
        Ok(reached)
    }

    fn children_of(
        &self,
        digest: &Digest,
        here: &BTreeSet<Digest>,
        children: &Children<'_>,
    ) -> Result<Vec<Child>, StoreError> {
        let bytes = match self.peek(digest, MANIFEST_MAX_LEN as u64) {
            // Longer than any document.
            Err(StoreError::TooLarge { .. }) => None,
            // Something else is in its place; whoever reads it is told.
            Err(StoreError::Unsafe { .. }) => None,
            bytes => bytes?,
        };
        let mut found = bytes.map(|bytes| children(&bytes)).unwrap_or_default();
        found.retain(|(Child::Document(digest) | Child::Blob(digest))| here.contains(digest));
        Ok(found)
    }
}
