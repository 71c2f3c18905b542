//! Any text is the name of an object and of a container.

use super::{all_names, container, made, one_piece, whole, write};
use crate::blobs::Blobs;
use crate::conformance::odd_names::odd_names;
use crate::error::BackendError;
use crate::limits::{BUCKET_NAME_MAX_BYTES, KEY_MAX_BYTES};

/// Any text is the name of an object, and no two are taken for one.
pub async fn any_text_is_an_object(store: &dyn Blobs) {
    let container = made(store, "any-text-is-an-object").await;
    let mut names = odd_names();
    for name in &names {
        write(store, &container, name, format!("content of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("content of {name:?}").into_bytes();
        assert_eq!(whole(store, &container, name).await, Some(expected), "object {name:?}");
    }
    names.sort_unstable();
    assert_eq!(all_names(store, &container, 7).await, names, "they are listed in byte order");
    for name in &names {
        store.remove(&container, name).await.expect("remove");
        assert_eq!(whole(store, &container, name).await, None, "object {name:?}");
    }
    assert_eq!(all_names(store, &container, 7).await, Vec::<String>::new());
}

/// Any text is the name of a container, and no two are taken for one.
pub async fn any_text_is_a_container(store: &dyn Blobs) {
    let names = odd_names();
    for name in &names {
        let container = made(store, name).await;
        write(store, &container, "object", format!("content of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("content of {name:?}").into_bytes();
        assert_eq!(whole(store, &container(name), "object").await, Some(expected), "container {name:?}");
        assert_eq!(all_names(store, &container(name), 7).await, ["object"], "container {name:?}");
    }
}

/// Names that are longer than any backend takes are refused as such.
pub async fn too_long_names_are_refused(store: &dyn Blobs) {
    let known = made(store, "too-long-names-are-refused").await;
    let name = "n".repeat(KEY_MAX_BYTES + 1);
    check(store.write(&known, &name, one_piece("content")).await);
    check(store.read(&known, &name, 0..1).await.map(|object| object.is_some()));
    check(store.remove(&known, &name).await);
    let long = container(&"c".repeat(BUCKET_NAME_MAX_BYTES + 1));
    check(store.create_container(&long).await);
    check(store.container(&long).await);
    check(store.remove_container(&long).await);
    check(store.write(&long, "object", one_piece("content")).await);
    check(store.list(&long, None, 10).await);
    assert_eq!(all_names(store, &known, 10).await, Vec::<String>::new());
}

fn check<T: std::fmt::Debug>(result: Result<T, BackendError>) {
    assert!(matches!(result, Err(BackendError::TooLarge { .. })), "a name that is too long gave {result:?}");
}
