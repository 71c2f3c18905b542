//! A file that is only read: what is written to it stays in memory and is dropped with it.
//!
//! redb cannot open a file that was not closed cleanly without repairing it. When a disk takes no more writes, the
//! repair goes here, so that reads go on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::state_file::StateFile;

const BLOCK_BYTES: u64 = 4096;

type Block = Box<[u8; BLOCK_BYTES as usize]>;

/// A file with changes that are never written to it.
#[derive(Debug)]
pub(super) struct Overlay {
    base: StateFile,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    /// How much of the base can still be seen.
    base_len: u64,
    len: u64,
    blocks: BTreeMap<u64, Block>,
}

impl Overlay {
    /// Nothing over `base` yet.
    pub(super) fn new(base: StateFile) -> io::Result<Self> {
        let len = base.len()?;
        Ok(Self { base, changes: Mutex::new(Changes { base_len: len, len, blocks: BTreeMap::new() }) })
    }

    // Nothing panics while the lock is held, and a block that is half copied is lost with the process.
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of the base at `offset`; zeros beyond its end.
    fn read_base(&self, base_len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = base_len.saturating_sub(offset).min(out.len() as u64) as usize;
        let (inside, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        match inside.is_empty() {
            true => Ok(()),
            false => self.base.read(offset, inside),
        }
    }
}

/// Cuts `len` bytes at `offset` where blocks begin: the number of a block, where in it, and how many bytes.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + len as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        let (number, inside) = (at / BLOCK_BYTES, at % BLOCK_BYTES);
        let size = (BLOCK_BYTES - inside).min(end - at);
        at += size;
        (size > 0).then_some((number, inside as usize, size as usize))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset + out.len() as u64 > changes.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_base(changes.base_len, offset, out)?;
        let mut done = 0;
        for (number, inside, size) in pieces(offset, out.len()) {
            if let Some(block) = changes.blocks.get(&number) {
                out[done..done + size].copy_from_slice(&block[inside..inside + size]);
            }
            done += size;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut changes = self.changes();
        changes.base_len = changes.base_len.min(len);
        changes.len = len;
        changes.blocks.split_off(&len.div_ceil(BLOCK_BYTES));
        if let Some(block) = changes.blocks.get_mut(&(len / BLOCK_BYTES)) {
            block[(len % BLOCK_BYTES) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        let base_len = changes.base_len;
        let mut done = 0;
        for (number, inside, size) in pieces(offset, data.len()) {
            let block = match changes.blocks.entry(number) {
                Entry::Occupied(block) => block.into_mut(),
                Entry::Vacant(missing) => {
                    let mut block = Box::new([0; BLOCK_BYTES as usize]);
                    self.read_base(base_len, number * BLOCK_BYTES, &mut block[..])?;
                    missing.insert(block)
                }
            };
            block[inside..inside + size].copy_from_slice(&data[done..done + size]);
            done += size;
        }
        changes.len = changes.len.max(offset + data.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(contents: &[u8]) -> (tempfile::TempDir, Overlay) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        std::fs::write(&path, contents).expect("a file");
        #[cfg(feature = "conformance")]
        let base = StateFile::open(&path, &Default::default(), &Default::default()).expect("it opens");
        #[cfg(not(feature = "conformance"))]
        let base = StateFile::open(&path, &Default::default()).expect("it opens");
        (dir, Overlay::new(base).expect("it has a length"))
    }

    fn contents(overlay: &Overlay) -> Vec<u8> {
        let mut bytes = vec![0xff; overlay.len().expect("a length") as usize];
        overlay.read(0, &mut bytes).expect("the bytes");
        bytes
    }

    proptest::proptest! {
        #[test]
        fn behaves_like_a_file(
            start in proptest::collection::vec(1u8.., 0..9000),
            steps in proptest::collection::vec((0usize..20_000, 0usize..6000, proptest::bool::ANY), 1..12),
        ) {
            let (dir, overlay) = overlay(&start);
            let mut model = start.clone();
            for (at, len, resize) in steps {
                if resize {
                    overlay.set_len(at as u64).expect("resized");
                    model.resize(at, 0);
                } else {
                    model.resize(model.len().max(at + len), 0);
                    model[at..at + len].fill(7);
                    overlay.write(at as u64, &vec![7; len]).expect("written");
                }
                proptest::prop_assert_eq!(&contents(&overlay), &model);
            }
            proptest::prop_assert_eq!(std::fs::read(dir.path().join("file")).expect("the file"), start);
        }
    }

    #[test]
    fn reading_beyond_the_end_fails() {
        let (_dir, overlay) = overlay(b"abc");
        let error = overlay.read(1, &mut [0; 3]).expect_err("it ends after two");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
