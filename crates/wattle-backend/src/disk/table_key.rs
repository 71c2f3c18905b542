//! Where an entry is in the table: owner, bucket and key in one row of bytes.
//!
//! ```text
//! shared:  00                                          len(name) name  key
//! host:    02                                          len(name) name  key
//! an app:  01  len(namespace) namespace  len(app) app  len(name) name  key
//! of a backend with a name of its own, shared or an app's:
//!          03  len(backend) backend                                          len(name) name  key
//!          04  len(backend) backend  len(namespace) namespace  len(app) app  len(name) name  key
//! ```
//!
//! The lengths (of the name two bytes, big-endian; of the others one) make the part before the key such that none is
//! the beginning of another: buckets cannot bleed into each other, and byte order within a bucket is that of its keys.

use super::owner_tag;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::limits;

/// What the rows of all buckets of `owner` begin with.
pub(super) fn owner(owner: &Owner) -> Vec<u8> {
    let mut row = Vec::with_capacity(64);
    row.push(owner_tag::tag(owner));
    for name in owner_tag::names(owner) {
        row.push(u8::try_from(name.len()).expect("invariant: a name has at most 63 bytes"));
        row.extend_from_slice(name.as_bytes());
    }
    row
}

/// What the row begins with for its owner, and the bytes of its key; `None`: it is no row.
pub(super) fn parts(row: &[u8]) -> Option<(&[u8], usize)> {
    let names = match *row.first()? {
        owner_tag::NAMED_SHARED => 1,
        owner_tag::APP => 2,
        owner_tag::NAMED_APP => 3,
        _ => 0,
    };
    let owner_bytes = (0..names).try_fold(1, |at, _| Some(at + 1 + usize::from(*row.get(at)?)))?;
    let (owner, rest) = row.split_at_checked(owner_bytes)?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    Some((owner, rest.len().checked_sub(u16::from_be_bytes(*len).into())?))
}

/// The name of the bucket that a row is in, whose owner takes `owner_bytes` of it; `None`: it is no row.
pub(super) fn name(row: &[u8], owner_bytes: usize) -> Option<&str> {
    let (len, rest) = row.get(owner_bytes..)?.split_first_chunk::<2>()?;
    std::str::from_utf8(rest.get(..usize::from(u16::from_be_bytes(*len)))?).ok()
}

/// What comes after all rows of the bucket `name` that `row` is in; `None`: nothing can.
pub(super) fn after_bucket(row: &[u8], owner_bytes: usize, name: &str) -> Option<Vec<u8>> {
    let mut beginning = row[..owner_bytes + 2 + name.len()].to_vec();
    while let Some(last) = beginning.pop() {
        if let Some(next) = last.checked_add(1) {
            beginning.push(next);
            return Some(beginning);
        }
    }
    None
}

/// What the rows of `bucket` begin with.
pub(super) fn prefix(bucket: &Bucket) -> Result<Vec<u8>, BackendError> {
    limits::checked(Part::Bucket, bucket.name.len())?;
    let mut row = owner(&bucket.owner);
    let len = u16::try_from(bucket.name.len()).expect("invariant: the limit of bucket names fits in two bytes");
    row.extend_from_slice(&len.to_be_bytes());
    row.extend_from_slice(bucket.name.as_bytes());
    Ok(row)
}

/// The row of `key` in `bucket`.
pub(super) fn row(bucket: &Bucket, key: &str) -> Result<Vec<u8>, BackendError> {
    limits::checked(Part::Key, key.len())?;
    let mut row = prefix(bucket)?;
    row.extend_from_slice(key.as_bytes());
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wattle_spec::name::AppId;

    fn owners() -> impl Strategy<Value = Owner> {
        let name = "[a-c]([a-c-]{0,3}[a-c])?";
        let parse = "the pattern gives names";
        let app = (name, name).prop_map(move |(namespace, name)| AppId {
            namespace: namespace.parse().expect(parse),
            name: name.parse().expect(parse),
        });
        let named = (name, prop::option::of(app.clone()))
            .prop_map(move |(backend, app)| Owner::Named { backend: backend.parse().expect(parse), app });
        prop_oneof![Just(Owner::Shared), Just(Owner::Host), app.prop_map(Owner::App), named]
    }

    fn bucket() -> impl Strategy<Value = Bucket> {
        (owners(), "[\0\u{1}/a]{0,4}").prop_map(|(owner, name)| Bucket { owner, name })
    }

    proptest! {
        #[test]
        fn rows_of_two_buckets_never_meet(one in bucket(), other in bucket(), key in "[\0\u{1}/a]{0,6}") {
            let row = row(&one, &key).expect("short enough");
            let begins = row.starts_with(&prefix(&other).expect("short enough"));
            prop_assert_eq!(begins, one == other);
        }

        #[test]
        fn rows_tell_their_owner_and_key(bucket in bucket(), key in "[\0\u{1}/a]{0,6}") {
            let row = row(&bucket, &key).expect("short enough");
            prop_assert_eq!(parts(&row), Some((&*super::owner(&bucket.owner), key.len())));
        }

        #[test]
        fn rows_are_in_the_order_of_their_keys(bucket in bucket(), one in "\\PC{0,6}", other in "\\PC{0,6}") {
            let rows = row(&bucket, &one).expect("short enough").cmp(&row(&bucket, &other).expect("short enough"));
            prop_assert_eq!(rows, one.cmp(&other));
        }
    }
}
