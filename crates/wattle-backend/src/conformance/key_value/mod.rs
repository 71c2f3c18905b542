//! What every [`KeyValue`](crate::key_value::KeyValue) must do. Each check uses buckets of its own.

mod concurrency;
mod entries;
mod isolation;
mod lifetimes;
mod lists;
mod model;
mod names;
mod quotas;
mod swaps;
mod updates;

pub use concurrency::{
    increments_are_all_counted, one_of_many_creates, reads_never_go_back, swaps_in_a_loop_are_all_counted,
};
pub use entries::{large_values_come_back, too_large_is_refused, values_come_back, versions_never_come_back};
pub use isolation::{buckets_are_apart, buckets_are_listed, owners_are_apart};
pub use lifetimes::{
    entries_end_after_their_lifetime, updates_leave_the_lifetime, what_has_ended_is_not_there,
    what_is_put_elsewhere_is_the_same, writes_set_the_lifetime_anew,
};
pub use lists::{lists_are_in_byte_order, lists_go_on_while_keys_change, pages_fit_together};
pub use model::behaves_like_a_map;
pub use names::{any_text_is_a_bucket, any_text_is_a_key};
pub use quotas::{
    bytes_are_counted_exactly, bytes_stop_at_the_quota, ended_entries_make_room, keys_stop_at_the_quota,
    many_writers_stay_within_the_quota, quotas_change,
};
pub use swaps::{swaps_expect_a_version, swaps_expect_nothing};
pub use updates::{panicking_changes_do_no_harm, refused_changes_change_nothing, updates_see_what_was_there};

use crate::bucket::{Bucket, Owner};
use crate::key_value::{Entry, KeyValue, Page};
use wattle_spec::name::AppId;

/// Runs the suite on a backend, as one test for each check. `$open` is an expression that can be called and gives a
/// store (`Arc<dyn KeyValue>`) and what must live as long, or an `Option` of both. The crate that uses it needs Tokio with
/// `macros`, `rt` and `time`. Where a quota counts nothing but what is kept, `{ @each $open; bytes_are_counted_exactly }`
/// is run too.
#[macro_export]
macro_rules! key_value_conformance {
    ($open:expr) => {
        $crate::key_value_conformance! {
            @each $open;
            any_text_is_a_bucket
            any_text_is_a_key
            behaves_like_a_map
            buckets_are_apart
            buckets_are_listed
            bytes_stop_at_the_quota
            ended_entries_make_room
            entries_end_after_their_lifetime
            increments_are_all_counted
            keys_stop_at_the_quota
            large_values_come_back
            lists_are_in_byte_order
            lists_go_on_while_keys_change
            many_writers_stay_within_the_quota
            one_of_many_creates
            owners_are_apart
            pages_fit_together
            panicking_changes_do_no_harm
            quotas_change
            reads_never_go_back
            refused_changes_change_nothing
            swaps_expect_a_version
            swaps_expect_nothing
            swaps_in_a_loop_are_all_counted
            too_large_is_refused
            updates_leave_the_lifetime
            updates_see_what_was_there
            values_come_back
            versions_never_come_back
            what_has_ended_is_not_there
            what_is_put_elsewhere_is_the_same
            writes_set_the_lifetime_anew
        }
    };
    (@each $open:expr; $($check:ident)*) => {$(
        #[tokio::test]
        async fn $check() {
            // Where the backend's server is not installed there is nothing to check.
            let Some((store, _alive)) = Option::from($open()) else { return };
            $crate::conformance::key_value::$check(&*store).await;
            store.check().await.expect("the store is still sound");
        }
    )*};
}

/// The bucket `name` of the app `app`.
fn bucket_of(app: &str, name: &str) -> Bucket {
    let app = AppId::in_default_namespace(app.parse().expect("a valid name"));
    Bucket { owner: Owner::App(app), name: name.to_owned() }
}

/// The bucket `name` of some app.
fn bucket(name: &str) -> Bucket {
    bucket_of("conformance", name)
}

async fn get(store: &dyn KeyValue, bucket: &Bucket, key: &str) -> Option<Entry> {
    store.get(bucket, key).await.expect("get")
}

async fn value(store: &dyn KeyValue, bucket: &Bucket, key: &str) -> Option<Vec<u8>> {
    get(store, bucket, key).await.map(|entry| entry.value.to_vec())
}

async fn set(store: &dyn KeyValue, bucket: &Bucket, key: &str, value: &str) {
    store.set(bucket, key, value.to_owned().into()).await.expect("set");
}

async fn list(store: &dyn KeyValue, bucket: &Bucket, after: Option<&str>, limit: usize) -> Page {
    store.list(bucket, after, limit).await.expect("list")
}

/// All keys of a bucket, by pages of `limit`.
async fn all_keys(store: &dyn KeyValue, bucket: &Bucket, limit: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = list(store, bucket, after.as_deref(), limit).await;
        assert!(page.keys.len() <= limit, "a page has at most {limit} keys");
        keys.extend(page.keys);
        match page.next {
            Some(next) => after = Some(next),
            None => return keys,
        }
    }
}
