//! What nobody can see any more goes, when nobody reads it any more.

use std::fs;

use futures::TryStreamExt;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::DiskOptions;

use super::{await_content_files, container, content_files, names, open_in, read, temporary, write};

#[tokio::test]
async fn contents_go_with_their_objects() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    for round in 0..5 {
        for name in ["a", "b", "c"] {
            write(&store, name, 'a', 100_000 * round).await.expect("write");
        }
    }
    await_content_files(&data, 3);
    store.remove(&container(), "b").await.expect("remove");
    await_content_files(&data, 2);
    let mut reader = store.read(&container(), "a", 0..u64::MAX).await.expect("read").expect("it is there").content;
    write(&store, "a", 'b', 10).await.expect("write");
    write(&store, "c", 'b', 10).await.expect("write");
    // That of `c` was removed after that of `a` could have been.
    await_content_files(&data, 3);
    let mut read = 0;
    while let Some(piece) = reader.try_next().await.expect("the reader goes on") {
        read += piece.len();
    }
    assert_eq!(read, 400_000);
    drop(reader);
    await_content_files(&data, 2);
    store.remove_container(&container()).await.expect("remove");
    await_content_files(&data, 0);
}

/// More objects than are removed in one step, and a process that ends before it is done.
#[tokio::test]
async fn removing_a_container_is_finished_by_the_next_start() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    let writes: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    futures::future::try_join_all(writes.iter().map(|name| write(&store, name, 'a', 1))).await.expect("write");
    store.remove_container(&container()).await.expect("remove");
    drop(store);
    let left = content_files(&data).len();
    let store = open_in(&data, DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    assert_eq!(names(&store).await, Vec::<String>::new(), "{left} contents were left");
    write(&store, "new", 'b', 1).await.expect("write");
    await_content_files(&data, 1);
    assert_eq!(read(&store, "new").await.expect("read"), Some(('b', 1)));
}

#[tokio::test]
async fn what_a_crash_left_is_swept() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    write(&store, "a", 'a', 100_000).await.expect("write");
    let known = content_files(&data).pop().expect("the content of the object");
    drop(store);
    let group = known.parent().expect("its directory").to_owned();
    let other_group = data.join("blobs/2-0");
    fs::create_dir(&other_group).expect("it is ours");
    for orphan in [group.join("5"), group.join("fff"), other_group.join("0")] {
        fs::write(orphan, "half a content").expect("it is ours");
    }
    // Not what we write, so not what we remove: another group's number, other names.
    let foreign = [group.join("1000"), group.join("05"), group.join("note.txt"), data.join("blobs/note.txt")];
    for path in &foreign {
        fs::write(path, "somebody's").expect("it is ours");
    }
    // What seems to be missing in an index that was not checked may be there.
    let store = open_in(&data, DiskOptions { verify_max_bytes: 0, ..DiskOptions::default() });
    write(&store, "b", 'b', 100_000).await.expect("write");
    // The content of this one is removed after all that there is to remove before.
    write(&store, "b", 'b', 100_000).await.expect("write");
    await_content_files(&data, 5 + foreign.len() - 1);
    drop(store);

    let store = open_in(&data, DiskOptions::default());
    await_content_files(&data, 2 + foreign.len() - 1);
    while other_group.exists() {
        std::thread::yield_now();
    }
    assert!(foreign.iter().all(|path| path.exists()));
    assert_eq!(read(&store, "a").await.expect("read"), Some(('a', 100_000)));
    assert_eq!(read(&store, "b").await.expect("read"), Some(('b', 100_000)));
}
