//! What is in one bucket is in no other.

use wattle_spec::name::AppId;

use super::super::all_buckets;
use super::{all_keys, bucket, bucket_of, set, value};
use crate::bucket::{Bucket, Owner};
use crate::key_value::KeyValue;

/// Buckets whose names and keys give the same text when put together are apart.
pub async fn buckets_are_apart(store: &dyn KeyValue) {
    let pairs =
        [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("a/b", "c"), ("a", "b/c"), ("a\0b", "c"), ("a", "\0bc")];
    for (name, key) in pairs {
        set(store, &bucket(name), key, &format!("{name:?} {key:?}")).await;
    }
    for (name, key) in pairs {
        let expected = format!("{name:?} {key:?}").into_bytes();
        assert_eq!(value(store, &bucket(name), key).await, Some(expected), "bucket {name:?}, key {key:?}");
    }
    assert_eq!(all_keys(store, &bucket("a"), 2).await, ["\0bc", "b/c", "bc"]);
    store.delete(&bucket("a"), "c").await.expect("delete");
    assert!(value(store, &bucket("ab"), "c").await.is_some(), "another bucket has another key of that name");
}

/// Apps, namespaces, backends with names of their own, what all share and the host's own are apart, whatever their names have in common.
pub async fn owners_are_apart(store: &dyn KeyValue) {
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
    let buckets = [
        Bucket { owner: Owner::Shared, name: "owners-are-apart".to_owned() },
        Bucket { owner: Owner::Host, name: "owners-are-apart".to_owned() },
        bucket_of("shared", "owners-are-apart"),
        owned("a", "bc"),
        owned("ab", "c"),
        owned("a", "b"),
        owned("b", "a"),
        named("a", None),
        named("b", None),
        named("a", Some(owned("b", "c"))),
        named("b", Some(owned("a", "c"))),
        named("c", Some(owned("a", "b"))),
    ];
    for bucket in &buckets {
        assert_eq!(value(store, bucket, "key").await, None, "{bucket:?}");
        set(store, bucket, "key", &format!("{bucket:?}")).await;
    }
    for bucket in &buckets {
        assert_eq!(value(store, bucket, "key").await, Some(format!("{bucket:?}").into_bytes()));
        assert_eq!(all_keys(store, bucket, 10).await, ["key"]);
    }
    store.delete(&buckets[0], "key").await.expect("delete");
    for bucket in &buckets[1..] {
        assert!(value(store, bucket, "key").await.is_some(), "{bucket:?}");
    }
}

/// An owner is told the names of its buckets that have something in them, and no others.
pub async fn buckets_are_listed(store: &dyn KeyValue) {
    let (own, other) = (bucket_of("buckets-are-listed", ""), bucket_of("buckets-are-listed-too", "x"));
    let mut names = ["", "a", "b", "aa", "main/a", "main/a.b c", "é", "m".repeat(60).as_str()].map(str::to_owned);
    for name in &names {
        let bucket = Bucket { name: name.clone(), ..own.clone() };
        set(store, &bucket, "one", "value").await;
        set(store, &bucket, "two.three", "value").await;
    }
    set(store, &other, "key", "value").await;
    let empty = Bucket { name: "empty".into(), ..own.clone() };
    set(store, &empty, "key", "value").await;
    store.delete(&empty, "key").await.expect("delete");
    names.sort_unstable();
    for limit in [1, 3, 8, 1000] {
        assert_eq!(all_buckets(store, &own.owner, limit).await, names, "by pages of {limit}");
    }
    assert_eq!(all_buckets(store, &bucket_of("nobody", "").owner, 2).await, [""; 0]);
}
