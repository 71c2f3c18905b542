//! What the table keeps at a row: a checksum, the version, when it ends, and the value.
//!
//! ```text
//! crc32 (4 bytes; over row and all that follows)  version (8 bytes)                                      value
//! crc32 (4 bytes; the same and `SEAL_OF_ENDING`)  version, highest bit set (8 bytes)  ends (8 bytes)     value
//! ```
//!
//! Numbers are little-endian; `ends` is in milliseconds since 1970. The first form is the older one, and that of
//! everything that does not end. A release that knows only it finds the second damaged and never takes it for a value.
//!
//! redb checks its own checksums when it repairs, not when it reads: this one is checked at every read.

use bytes::Bytes;

use crate::key_value::{Entry, Version};
use crate::lifetime::{Kept, Moment, is_living};

const CHECKSUM_BYTES: usize = 4;
const NUMBER_BYTES: usize = 8;
/// In the version of a record that ends. No store lives to give out as many versions.
const ENDS: u64 = 1 << 63;
const SEAL_OF_ENDING: &[u8] = b"ends";

/// A record that is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) version: Version,
    pub(super) ends: Option<Moment>,
    pub(super) value: &'a [u8],
}

impl<'a> Record<'a> {
    /// What was written at `row` as `bytes`, or `None` if these are not the bytes.
    pub(super) fn read(row: &[u8], bytes: &'a [u8]) -> Option<Self> {
        let (checksum, rest) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
        let (version, ends, value) = parts(rest)?;
        let whole = u32::from_le_bytes(*checksum) == checksum_of(row, rest, ends);
        whole.then_some(Self { version, ends, value })
    }

    /// What `bytes` say, which may not be what was written.
    pub(super) fn unchecked(bytes: &'a [u8]) -> Option<Self> {
        let (version, ends, value) = parts(bytes.get(CHECKSUM_BYTES..)?)?;
        Some(Self { version, ends, value })
    }

    /// The bytes that [`write`](Self::write) fills.
    pub(super) fn size(&self) -> usize {
        CHECKSUM_BYTES + NUMBER_BYTES + self.ends.map_or(0, |_| NUMBER_BYTES) + self.value.len()
    }

    /// Writes it into `out`, which has [`size`](Self::size) bytes, to be kept at `row`.
    pub(super) fn write(&self, out: &mut [u8], row: &[u8]) {
        let (checksum, rest) = out.split_at_mut(CHECKSUM_BYTES);
        let (version, tail) = rest.split_at_mut(NUMBER_BYTES);
        let tail = match self.ends {
            None => {
                version.copy_from_slice(&self.version.0.to_le_bytes());
                tail
            }
            Some(ends) => {
                version.copy_from_slice(&(self.version.0 | ENDS).to_le_bytes());
                let (at, tail) = tail.split_at_mut(NUMBER_BYTES);
                at.copy_from_slice(&ends.0.to_le_bytes());
                tail
            }
        };
        tail.copy_from_slice(self.value);
        checksum.copy_from_slice(&checksum_of(row, rest, self.ends).to_le_bytes());
    }

    /// Whether it is still there for whoever asks.
    pub(super) fn is_living(&self) -> bool {
        is_living(self.ends)
    }

    /// A copy of its own.
    pub(super) fn to_kept(self) -> Kept {
        let entry = Entry { value: Bytes::copy_from_slice(self.value), version: self.version };
        Kept { entry, ends: self.ends }
    }
}

/// When the record in `bytes` says that it ends, unchecked.
pub(super) fn ends(bytes: &[u8]) -> Option<Moment> {
    parts(bytes.get(CHECKSUM_BYTES..)?)?.1
}

fn parts(rest: &[u8]) -> Option<(Version, Option<Moment>, &[u8])> {
    let (version, tail) = rest.split_first_chunk::<NUMBER_BYTES>()?;
    let version = u64::from_le_bytes(*version);
    if version & ENDS == 0 {
        return Some((Version(version), None, tail));
    }
    let (at, value) = tail.split_first_chunk::<NUMBER_BYTES>()?;
    Some((Version(version & !ENDS), Some(Moment(u64::from_le_bytes(*at))), value))
}

fn checksum_of(row: &[u8], rest: &[u8], ends: Option<Moment>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(row.len() as u64).to_le_bytes());
    hasher.update(row);
    hasher.update(rest);
    if ends.is_some() {
        hasher.update(SEAL_OF_ENDING);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(row: &[u8], record: Record<'_>) -> Vec<u8> {
        let mut out = vec![0; record.size()];
        record.write(&mut out, row);
        out
    }

    fn record(version: u64, ends: Option<u64>, value: &[u8]) -> Record<'_> {
        Record { version: Version(version & !ENDS), ends: ends.map(Moment), value }
    }

    proptest! {
        #[test]
        fn comes_back(row: Vec<u8>, version: u64, at: Option<u64>, value: Vec<u8>) {
            let record = record(version, at, &value);
            let bytes = written(&row, record);
            prop_assert_eq!(Record::read(&row, &bytes), Some(record));
            prop_assert_eq!(ends(&bytes), at.map(Moment));
        }

        #[test]
        fn one_flipped_bit_is_seen(
            row: Vec<u8>, version: u64, at: Option<u64>, value: Vec<u8>, place: prop::sample::Index,
        ) {
            let mut bytes = written(&row, record(version, at, &value));
            let bit = place.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Record::read(&row, &bytes), None);
        }

        #[test]
        fn another_row_is_seen(row: Vec<u8>, other: Vec<u8>, value: Vec<u8>) {
            prop_assume!(row != other);
            let bytes = written(&row, record(1, None, &value));
            prop_assert_eq!(Record::read(&other, &bytes), None);
        }
    }

    #[test]
    fn anything_shorter_is_no_record() {
        for at in [None, Some(7)] {
            let bytes = written(b"row", record(1, at, b""));
            assert!((0..bytes.len()).all(|len| Record::read(b"row", &bytes[..len]).is_none()));
        }
    }
}
