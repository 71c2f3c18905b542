//! What is in one container is in no other.

use wattle_spec::name::AppId;

use super::{all_names, container_of, made, whole, write};
use crate::blobs::Blobs;
use crate::bucket::{Bucket, Owner};

/// Containers whose names and objects give the same text when put together are apart.
pub async fn containers_are_apart(store: &dyn Blobs) {
    let pairs = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("a/b", "c"), ("a\0b", "c")];
    let mut containers = Vec::new();
    for (name, object) in pairs {
        let container = made(store, name).await;
        write(store, &container, object, format!("{name:?} {object:?}")).await;
        containers.push(container);
    }
    for more in ["b/c", "\0bc"] {
        write(store, &containers[1], more, "more").await;
    }
    for (container, (name, object)) in containers.iter().zip(pairs) {
        let expected = format!("{name:?} {object:?}").into_bytes();
        assert_eq!(whole(store, container, object).await, Some(expected), "container {name:?}, object {object:?}");
    }
    assert_eq!(all_names(store, &containers[1], 2).await, ["\0bc", "b/c", "bc"]);
    store.remove(&containers[1], "c").await.expect("remove");
    store.remove_container(&containers[1]).await.expect("remove");
    assert!(whole(store, &containers[0], "c").await.is_some(), "another container has another object of that name");
    assert_eq!(all_names(store, &containers[2], 2).await, ["abc"]);
}

/// Apps, namespaces, backends with names of their own and what all share are apart, whatever their names have in common.
pub async fn owners_are_apart(store: &dyn Blobs) {
    let owned = |namespace: &str, app: &str| Bucket {
        owner: Owner::App(AppId {
            namespace: namespace.parse().expect("a valid name"),
            name: app.parse().expect("a valid name"),
        }),
        name: "owners-are-apart".to_owned(),
    };
    let named = |backend: &str, bucket: Option<Bucket>| Bucket {
        owner: Owner::Named {
            backend: backend.parse().expect("a valid name"),
            app: bucket.and_then(|bucket| bucket.owner.app().cloned()),
        },
        name: "owners-are-apart".to_owned(),
    };
    let containers = [
        Bucket { owner: Owner::Shared, name: "owners-are-apart".to_owned() },
        container_of("shared", "owners-are-apart"),
        owned("a", "bc"),
        owned("ab", "c"),
        owned("b", "a"),
        named("a", None),
        named("b", None),
        named("a", Some(owned("b", "c"))),
        named("b", Some(owned("a", "c"))),
        named("c", Some(owned("a", "b"))),
    ];
    for container in &containers {
        assert!(store.create_container(container).await.expect("create"), "{container:?} is another one");
        assert_eq!(whole(store, container, "object").await, None, "{container:?}");
        write(store, container, "object", format!("{container:?}")).await;
    }
    for container in &containers {
        assert_eq!(whole(store, container, "object").await, Some(format!("{container:?}").into_bytes()));
        assert_eq!(all_names(store, container, 10).await, ["object"]);
    }
    store.remove_container(&containers[0]).await.expect("remove");
    for container in &containers[1..] {
        assert!(whole(store, container, "object").await.is_some(), "{container:?}");
    }
}
