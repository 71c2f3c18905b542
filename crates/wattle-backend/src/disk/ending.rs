//! The table of what ends: a row for each such entry, in the order in which they do.
//!
//! ```text
//! ends (8 bytes, big-endian, milliseconds since 1970)  row of the entry (see `table_key`)
//! ```

use crate::lifetime::Moment;

/// Where it stands that the entry at `row` ends at `ends`.
pub(super) fn key(ends: Moment, row: &[u8]) -> Vec<u8> {
    [&ends.0.to_be_bytes(), row].concat()
}

/// The row of the entry that `key` is about.
pub(super) fn row(key: &[u8]) -> Option<&[u8]> {
    key.get(size_of::<Moment>()..)
}
