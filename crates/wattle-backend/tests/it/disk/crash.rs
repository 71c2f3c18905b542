//! What was acknowledged survives the death of the process, at any moment.

use std::path::Path;

use futures::future::join_all;
use wattle_backend::disk::DiskOptions;
use wattle_backend::key_value::{KeyValue, Version};

use super::{bucket, child, open_in, set, temporary, value};

/// Keys that a child wrote and was told to be safe, and how the file is found afterwards.
#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    let dir = temporary();
    let data = dir.path().join("data");
    let mut newest = Version(0);
    for (round, lines) in [1, 60, 300, 7, 150].into_iter().enumerate() {
        let mut writer = child::start("write", &data, "");
        let mut said: Vec<String> = (0..lines).map(|_| writer.line().expect("the child goes on")).collect();
        said.extend(writer.kill());
        let store = open_in(&data, DiskOptions::default());
        for line in &said {
            let (key, expected) = line.split_once(' ').expect("a key and a value");
            assert_eq!(value(&store, key).await.as_deref(), Some(expected), "round {round}, key {key}");
        }
        set(&store, "mine", "value").await;
        let entry = store.get(&bucket(), "mine").await.expect("get").expect("it was just written");
        assert!(entry.version > newest, "versions go on after a crash");
        newest = entry.version;
    }
}

/// The child: 16 writers that say every key and value that was acknowledged.
pub(crate) async fn write(data: &Path) {
    let store = open_in(data, DiskOptions::default());
    let run = std::process::id();
    let writers = (0..16).map(async |writer: u32| {
        for number in 0_u32.. {
            let key = format!("{run}-{writer}-{number}");
            let size = (number as usize % 10) * (number as usize % 7) * 100;
            let value = format!("{key}{}", "x".repeat(size));
            set(&store, &key, &value).await;
            child::say(&format!("{key} {value}"));
        }
    });
    join_all(writers).await;
}
