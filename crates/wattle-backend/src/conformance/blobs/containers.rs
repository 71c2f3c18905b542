//! Making and removing containers.

use super::super::all_buckets;
use super::{WHOLE, all_names, container, container_of, made, one_piece, whole, write};
use crate::blobs::{Blobs, Content};
use crate::bucket::Bucket;
use crate::error::BackendError;

/// A container is there from when it is made until it is removed.
pub async fn containers_are_made_once(store: &dyn Blobs) {
    let container = container("containers-are-made-once");
    assert_eq!(store.container(&container).await.expect("look"), None);
    store.remove_container(&container).await.expect("removing what is not there is no error");
    assert!(store.create_container(&container).await.expect("create"));
    let entry = store.container(&container).await.expect("look").expect("it was made");
    write(store, &container, "a", "one").await;
    assert!(!store.create_container(&container).await.expect("create"), "it is there already");
    assert_eq!(store.container(&container).await.expect("look"), Some(entry), "it is the same");
    assert_eq!(whole(store, &container, "a").await.as_deref(), Some(&b"one"[..]), "its objects are still there");
    store.remove_container(&container).await.expect("remove");
    assert_eq!(store.container(&container).await.expect("look"), None);
}

/// Whatever is done in a container that is not there fails and says so, and does not make it.
pub async fn missing_containers_are_told(store: &dyn Blobs) {
    let container = container("missing-containers-are-told");
    let never: Content = Box::pin(futures::stream::poll_fn(|_| panic!("the content of a refused write is not read")));
    check(store.write(&container, "a", never).await);
    check(store.read(&container, "a", WHOLE).await.map(|object| object.is_some()));
    check(store.remove(&container, "a").await);
    check(store.list(&container, None, 10).await);
    assert_eq!(store.container(&container).await.expect("look"), None);
}

fn check<T: std::fmt::Debug>(result: Result<T, BackendError>) {
    match result {
        Err(BackendError::NoContainer { name }) => assert_eq!(name, "missing-containers-are-told"),
        other => panic!("without a container there was {other:?}"),
    }
}

/// What was in a container goes with it and does not come back with its name.
pub async fn removed_containers_take_their_objects(store: &dyn Blobs) {
    let container = made(store, "removed-containers-take-their-objects").await;
    let other = made(store, "removed-containers-take-their-objects-too").await;
    for number in 0..40 {
        write(store, &container, &format!("{number:02}"), "content").await;
    }
    write(store, &other, "00", "stays").await;
    store.remove_container(&container).await.expect("remove");
    assert!(matches!(store.list(&container, None, 10).await, Err(BackendError::NoContainer { .. })));
    let refused = store.write(&container, "a", one_piece("content")).await;
    assert!(matches!(refused, Err(BackendError::NoContainer { .. })), "{refused:?}");
    assert!(store.create_container(&container).await.expect("create"));
    assert_eq!(all_names(store, &container, 7).await, Vec::<String>::new());
    assert_eq!(whole(store, &container, "00").await, None);
    write(store, &container, "01", "new").await;
    assert_eq!(all_names(store, &container, 7).await, ["01"]);
    assert_eq!(whole(store, &other, "00").await.as_deref(), Some(&b"stays"[..]));
}

/// An owner is told the names of its containers, empty ones too, and no others, however long they are.
pub async fn containers_are_listed(store: &dyn Blobs) {
    let (own, other) = (container_of("containers-are-listed", ""), container_of("containers-are-listed-too", "x"));
    let mut names = ["", "a", "b", "aa", "main/photos", "main/a.b c", "é", "m".repeat(200).as_str()].map(str::to_owned);
    for name in &names {
        let container = Bucket { name: name.clone(), ..own.clone() };
        assert!(store.create_container(&container).await.expect("create"));
    }
    assert!(store.create_container(&other).await.expect("create"));
    write(store, &Bucket { name: "b".into(), ..own.clone() }, "object", "content").await;
    let removed = Bucket { name: "removed".into(), ..own.clone() };
    assert!(store.create_container(&removed).await.expect("create"));
    store.remove_container(&removed).await.expect("remove");
    names.sort_unstable();
    for limit in [1, 3, 8, 1000] {
        assert_eq!(all_buckets(store, &own.owner, limit).await, names, "by pages of {limit}");
    }
    assert_eq!(all_buckets(store, &container_of("nobody", "").owner, 2).await, [""; 0]);
}
