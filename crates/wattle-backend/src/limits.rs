//! How large what is stored may be, the same for every backend that has no tighter limit of its own.
//!
//! These limits only keep formats and memory sane. What a guest may store is settled above the backend.

use crate::error::{BackendError, Part};
use crate::secrets::SECRET_MAX_BYTES;

/// The most bytes that the name of a bucket or container may have.
pub const BUCKET_NAME_MAX_BYTES: usize = 32 << 10;
/// The most bytes that a key or the name of an object may have.
pub const KEY_MAX_BYTES: usize = 32 << 10;
/// The most bytes that a value may have.
pub const VALUE_MAX_BYTES: usize = 64 << 20;
/// The most bytes that a message may have: its body and its headers.
pub const MESSAGE_MAX_BYTES: usize = 8 << 20;

/// The most objects that a page of a list has, whatever was asked for: a page is held in memory.
pub const PAGE_MAX_OBJECTS: usize = 1000;

/// Refuses a part that is larger than it may be.
pub(crate) fn checked(part: Part, size: usize) -> Result<(), BackendError> {
    let limit = match part {
        Part::Bucket | Part::Container => BUCKET_NAME_MAX_BYTES,
        Part::Key | Part::Object => KEY_MAX_BYTES,
        Part::Value => VALUE_MAX_BYTES,
        Part::Message => MESSAGE_MAX_BYTES,
        Part::Secret => SECRET_MAX_BYTES,
    };
    match size > limit {
        true => Err(BackendError::TooLarge { part, size, limit }),
        false => Ok(()),
    }
}
