//! For tests: what every backend must do, once for all of them.
//!
//! A backend runs a suite in its own tests: `wattle_backend::key_value_conformance!(open)` or
//! `wattle_backend::blobs_conformance!(open, largest_bytes)`, where `open()` gives a store and whatever must live as
//! long as it; `wattle_backend::bus_conformance!(place)`, where `place()` gives a [`Place`](bus::Place) that can be
//! opened again.

pub mod blobs;
pub mod bus;
pub mod key_value;
mod odd_names;

use crate::backend::Backend;
use crate::bucket::Owner;

/// All buckets of an owner, by pages of `limit`.
async fn all_buckets(store: &(impl Backend + ?Sized), owner: &Owner, limit: usize) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = store.buckets(owner, after.as_deref(), limit).await.expect("a list of buckets");
        assert!(page.keys.len() <= limit, "a page has at most {limit} names");
        names.extend(page.keys);
        match page.next {
            Some(next) => after = Some(next),
            None => return names,
        }
    }
}
