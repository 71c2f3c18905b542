//! How a content is written in its file: blocks of 64 KiB, each behind its checksum.
//!
//! ```text
//! crc32 (4 bytes, little-endian; over run, number, which block, and the bytes)  bytes
//! ```
//!
//! All blocks but the last are full. The length is in the index, and the file has no more and no less.

use std::ops::Range;

use super::content_id::ContentId;

/// The bytes of a content that a full block has.
pub(super) const BLOCK_BYTES: u64 = 64 << 10;
const CHECKSUM_BYTES: usize = 4;
const STRIDE_BYTES: u64 = BLOCK_BYTES + CHECKSUM_BYTES as u64;

/// A block that is being filled.
#[derive(Debug)]
pub(super) struct Block {
    content: ContentId,
    number: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// The first block of a content.
    pub(super) fn first(content: ContentId) -> Self {
        Self { content, number: 0, bytes: vec![0; CHECKSUM_BYTES] }
    }

    /// Takes in the beginning of `bytes`, as much as there is room for, and gives back the rest.
    pub(super) fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = STRIDE_BYTES as usize - self.bytes.len();
        let (part, rest) = bytes.split_at(bytes.len().min(room));
        self.bytes.extend_from_slice(part);
        rest
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() as u64 == STRIDE_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == CHECKSUM_BYTES
    }

    /// Where it goes in the file, and what.
    pub(super) fn sealed(&mut self) -> (u64, &[u8]) {
        let (checksum, bytes) = self.bytes.split_at_mut(CHECKSUM_BYTES);
        checksum.copy_from_slice(&checksum_of(self.content, self.number, bytes));
        (self.number * STRIDE_BYTES, &self.bytes)
    }

    /// Goes on with the block that comes next.
    pub(super) fn next(&mut self) {
        self.number += 1;
        self.bytes.truncate(CHECKSUM_BYTES);
    }
}

/// The length of the file of a content of `size` bytes.
pub(super) fn file_len(size: u64) -> u64 {
    size + size.div_ceil(BLOCK_BYTES) * CHECKSUM_BYTES as u64
}

/// Where in the file of a content of `size` bytes the blocks are that have `range`, which is not empty and inside.
pub(super) fn span(size: u64, range: &Range<u64>) -> Range<u64> {
    let (first, after) = (range.start / BLOCK_BYTES, range.end.div_ceil(BLOCK_BYTES));
    first * STRIDE_BYTES..file_len(size).min(after * STRIDE_BYTES)
}

/// The bytes of `range`, from what the file has in its [`span`]; or the number of a block that is not what was written.
pub(super) fn read(content: ContentId, range: &Range<u64>, span: &[u8]) -> Result<Vec<u8>, u64> {
    let first = range.start / BLOCK_BYTES;
    let mut bytes = Vec::with_capacity(span.len());
    for (number, block) in (first..).zip(span.chunks(STRIDE_BYTES as usize)) {
        let (checksum, block) = block.split_at_checked(CHECKSUM_BYTES).ok_or(number)?;
        if checksum != checksum_of(content, number, block) {
            return Err(number);
        }
        bytes.extend_from_slice(block);
    }
    let start = first * BLOCK_BYTES;
    bytes.truncate((range.end - start) as usize);
    bytes.drain(..(range.start - start) as usize);
    Ok(bytes)
}

fn checksum_of(content: ContentId, number: u64, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [content.run, content.number, number] {
        hasher.update(&part.to_le_bytes());
    }
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTENT: ContentId = ContentId { run: 3, number: 7 };

    /// The file of a content.
    fn file(content: &[u8], pieces: usize) -> Vec<u8> {
        let (mut file, mut block) = (Vec::new(), Block::first(CONTENT));
        let mut write = |block: &mut Block| {
            let (at, bytes) = block.sealed();
            assert_eq!(at, file.len() as u64);
            file.extend_from_slice(bytes);
            block.next();
        };
        for mut piece in content.chunks(pieces) {
            while !piece.is_empty() {
                piece = block.fill(piece);
                if block.is_full() {
                    write(&mut block);
                }
            }
        }
        if !block.is_empty() {
            write(&mut block);
        }
        file
    }

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn part(file: &[u8], size: u64, range: &Range<u64>) -> Result<Vec<u8>, u64> {
        let span = span(size, range);
        read(CONTENT, range, &file[span.start as usize..span.end as usize])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_range_comes_back(size in 1usize..300_000, pieces in 1usize..100_000, one: prop::sample::Index, other: prop::sample::Index) {
            let content = content(size);
            let file = file(&content, pieces);
            prop_assert_eq!(file.len() as u64, file_len(size as u64));
            let (one, other) = (one.index(size), other.index(size));
            let range = one.min(other) as u64..one.max(other) as u64 + 1;
            let found = part(&file, size as u64, &range);
            prop_assert!(found.as_deref() == Ok(&content[range.start as usize..range.end as usize]));
        }

        #[test]
        fn one_flipped_bit_is_seen(size in 1usize..200_000, at: prop::sample::Index) {
            let mut file = file(&content(size), 65_536);
            let bit = at.index(file.len() * 8);
            file[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(part(&file, size as u64, &(0..size as u64)), Err(bit as u64 / 8 / STRIDE_BYTES));
        }
    }

    #[test]
    fn blocks_that_changed_places_are_seen() {
        let mut file = file(&[7; 3 * BLOCK_BYTES as usize], 1 << 20);
        let (one, other) = file.split_at_mut(STRIDE_BYTES as usize);
        one.swap_with_slice(&mut other[..STRIDE_BYTES as usize]);
        assert_eq!(part(&file, 3 * BLOCK_BYTES, &(0..1)), Err(0));
        let other = ContentId { number: 8, ..CONTENT };
        assert_eq!(read(other, &(0..1), &file[..STRIDE_BYTES as usize]), Err(0));
    }
}
