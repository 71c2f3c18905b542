//! What the table keeps at a row: a checksum, the version, and the value.
//!
//! ```text
//! crc32 (4 bytes, little-endian; over row, version and value)  version (8 bytes, little-endian)  value
//! ```
//!
//! redb checks its own checksums when it repairs, not when it reads: this one is checked at every read.

use bytes::Bytes;

use crate::key_value::{Entry, Version};

const CHECKSUM_BYTES: usize = 4;
const HEADER_BYTES: usize = CHECKSUM_BYTES + 8;

/// The bytes that the record of a value of `value_len` bytes has.
pub(super) fn size(value_len: usize) -> usize {
    HEADER_BYTES + value_len
}

/// Writes a record into `out`, which has [`size`] bytes.
pub(super) fn write(out: &mut [u8], row: &[u8], version: Version, value: &[u8]) {
    let (checksum, rest) = out.split_at_mut(CHECKSUM_BYTES);
    rest[..8].copy_from_slice(&version.0.to_le_bytes());
    rest[8..].copy_from_slice(value);
    checksum.copy_from_slice(&checksum_of(row, rest).to_le_bytes());
}

/// The version and the value in `record`, or `None` if it is not what was written at `row`.
pub(super) fn read<'a>(row: &[u8], record: &'a [u8]) -> Option<(Version, &'a [u8])> {
    let (checksum, rest) = record.split_first_chunk::<CHECKSUM_BYTES>()?;
    let (version, value) = rest.split_first_chunk::<8>()?;
    let whole = u32::from_le_bytes(*checksum) == checksum_of(row, rest);
    whole.then_some((Version(u64::from_le_bytes(*version)), value))
}

/// The entry in `record`, or `None` if it is not what was written at `row`.
pub(super) fn entry(row: &[u8], record: &[u8]) -> Option<Entry> {
    let (version, value) = read(row, record)?;
    Some(Entry { value: Bytes::copy_from_slice(value), version })
}

fn checksum_of(row: &[u8], rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(row.len() as u64).to_le_bytes());
    hasher.update(row);
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(row: &[u8], version: u64, value: &[u8]) -> Vec<u8> {
        let mut out = vec![0; size(value.len())];
        write(&mut out, row, Version(version), value);
        out
    }

    proptest! {
        #[test]
        fn comes_back(row: Vec<u8>, version: u64, value: Vec<u8>) {
            let bytes = record(&row, version, &value);
            prop_assert_eq!(read(&row, &bytes), Some((Version(version), &*value)));
        }

        #[test]
        fn one_flipped_bit_is_seen(row: Vec<u8>, version: u64, value: Vec<u8>, at: prop::sample::Index) {
            let mut bytes = record(&row, version, &value);
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(read(&row, &bytes), None);
        }

        #[test]
        fn another_row_is_seen(row: Vec<u8>, other: Vec<u8>, value: Vec<u8>) {
            prop_assume!(row != other);
            let bytes = record(&row, 1, &value);
            prop_assert_eq!(read(&other, &bytes), None);
        }
    }

    #[test]
    fn anything_shorter_is_no_record() {
        let bytes = record(b"row", 1, b"");
        assert!((0..bytes.len()).all(|len| read(b"row", &bytes[..len]).is_none()));
    }
}
