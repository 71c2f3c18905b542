//! What all [`Blobs`] must do. Each check uses containers of its own.

mod containers;
mod isolation;
mod lists;
mod names;
mod objects;
mod quotas;
mod ranges;
mod replacing;
mod writers;

pub use containers::{
    containers_are_listed, containers_are_made_once, missing_containers_are_told, removed_containers_take_their_objects,
};
pub use isolation::{containers_are_apart, owners_are_apart};
pub use lists::{lists_are_in_byte_order, lists_go_on_while_objects_change, pages_fit_together};
pub use names::{any_text_is_a_container, any_text_is_an_object, too_long_names_are_refused};
pub use objects::{large_objects_come_back, objects_come_back, pieces_of_any_size_are_taken};
pub use quotas::{bytes_stop_at_the_quota, many_writers_stay_within_the_quota, objects_are_counted_exactly};
pub use ranges::ranges_are_cut_to_what_there_is;
pub use replacing::{readers_go_on, readers_see_one_version, replaced_as_a_whole};
pub use writers::{dropped_writes_leave_what_was_there, failed_writes_leave_what_was_there, writers_never_mix};

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use wattle_spec::name::AppId;

use crate::blobs::{Blobs, Content, ObjectEntry, ObjectPage};
use crate::bucket::{Bucket, Owner};
use crate::error::BackendError;

/// Runs the suite on a backend, as one test for each check. `$open` is an expression that can be called and gives a
/// store (`Arc<dyn Blobs>`) and what must live as long; `$largest_bytes` is the size of an object that it takes, the
/// largest that is tried. The crate that uses it needs Tokio with `macros`, `rt` and `time`. Where a quota counts nothing
/// but what is kept, `{ @each $open; objects_are_counted_exactly }` is run too.
#[macro_export]
macro_rules! blobs_conformance {
    ($open:expr, $largest_bytes:expr) => {
        #[tokio::test]
        async fn large_objects_come_back() {
            let Some((store, _alive)) = Option::from($open()) else { return };
            $crate::conformance::blobs::large_objects_come_back(&*store, $largest_bytes).await;
            store.check().await.expect("the store is still sound");
        }

        $crate::blobs_conformance! {
            @each $open;
            any_text_is_a_container
            any_text_is_an_object
            bytes_stop_at_the_quota
            containers_are_apart
            containers_are_listed
            containers_are_made_once
            dropped_writes_leave_what_was_there
            failed_writes_leave_what_was_there
            lists_are_in_byte_order
            lists_go_on_while_objects_change
            many_writers_stay_within_the_quota
            missing_containers_are_told
            objects_come_back
            owners_are_apart
            pages_fit_together
            pieces_of_any_size_are_taken
            ranges_are_cut_to_what_there_is
            readers_see_one_version
            removed_containers_take_their_objects
            replaced_as_a_whole
            too_long_names_are_refused
            writers_never_mix
        }
    };
    (@each $open:expr; $($check:ident)*) => {$(
        #[tokio::test]
        async fn $check() {
            let Some((store, _alive)) = Option::from($open()) else { return };
            $crate::conformance::blobs::$check(&*store).await;
            store.check().await.expect("the store is still sound");
        }
    )*};
}

/// All there is of an object.
const WHOLE: Range<u64> = 0..u64::MAX;

/// The container `name` of the app `app`, which may not be there.
fn container_of(app: &str, name: &str) -> Bucket {
    let app = AppId::in_default_namespace(app.parse().expect("a valid name"));
    Bucket { owner: Owner::App(app), name: name.to_owned() }
}

/// A container of some app, which may not be there.
fn container(name: &str) -> Bucket {
    container_of("conformance", name)
}

/// A new container of some app.
async fn made(store: &dyn Blobs, name: &str) -> Bucket {
    let container = container(name);
    assert!(store.create_container(&container).await.expect("create"), "{name:?} is new");
    container
}

/// The bytes of `range` of an endless content that differs from place to place and from seed to seed.
fn pattern(seed: u8, range: Range<u64>) -> Bytes {
    range.map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ (at >> 16)) as u8 ^ seed).collect()
}

/// The first `size` bytes of that content in pieces of `piece` bytes, each of which is made when it is asked for, after
/// everything else that is ready had its turn.
fn pieces(seed: u8, size: u64, piece: u64) -> Content {
    let starts = (0..size).step_by(usize::try_from(piece).expect("a small piece"));
    let made = stream::iter(starts).then(move |start| async move {
        tokio::task::yield_now().await;
        Ok(pattern(seed, start..size.min(start + piece)))
    });
    made.boxed()
}

fn one_piece(content: impl Into<Bytes>) -> Content {
    stream::iter([Ok(content.into())]).boxed()
}

/// An error as a guest's own may come out of a content.
fn given_up() -> BackendError {
    BackendError::Refused { reason: "the content was given up".to_owned() }
}

async fn write(store: &dyn Blobs, container: &Bucket, name: &str, content: impl Into<Bytes>) -> ObjectEntry {
    store.write(container, name, one_piece(content)).await.expect("write")
}

/// What a range of an object has, or `None`.
async fn range(store: &dyn Blobs, container: &Bucket, name: &str, range: Range<u64>) -> Option<Vec<u8>> {
    let object = store.read(container, name, range).await.expect("read")?;
    Some(collected(object.content).await.expect("the content"))
}

async fn whole(store: &dyn Blobs, container: &Bucket, name: &str) -> Option<Vec<u8>> {
    range(store, container, name, WHOLE).await
}

async fn collected(content: Content) -> Result<Vec<u8>, BackendError> {
    content.try_fold(Vec::new(), async |all, piece| Ok([all, piece.to_vec()].concat())).await
}

async fn list(store: &dyn Blobs, container: &Bucket, after: Option<&str>, limit: usize) -> ObjectPage {
    store.list(container, after, limit).await.expect("list")
}

/// The names of all objects of a container, by pages of `limit`.
async fn all_names(store: &dyn Blobs, container: &Bucket, limit: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = list(store, container, after.as_deref(), limit).await;
        assert!(page.objects.len() <= limit, "a page has at most {limit} objects");
        names.extend(page.objects.into_iter().map(|object| object.name));
        match page.next {
            Some(next) => after = Some(next),
            None => return names,
        }
    }
}
