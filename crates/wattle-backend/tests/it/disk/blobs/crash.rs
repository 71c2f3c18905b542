//! What was acknowledged survives the death of the process, at any moment, and nothing else is left of it.

use std::collections::HashMap;
use std::path::Path;

use futures::StreamExt;
use futures::future::join_all;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::DiskOptions;

use super::super::child;
use super::{await_content_files, container, letters, names, open_in, read, temporary};

/// The sizes that a child writes, by the number of the write: none, one, around a block, more than one piece.
const SIZES: [usize; 7] = [0, 1, 65_536, 65_537, 300_000, 5, 1_000_000];

fn letter(number: usize) -> char {
    char::from(b'a' + (number % 26) as u8)
}

#[tokio::test]
async fn acknowledged_objects_survive_a_kill() {
    let dir = temporary();
    let data = dir.path().join("data");
    for (round, lines) in [1, 40, 150, 7, 90].into_iter().enumerate() {
        let mut writer = child::start("write-blobs", &data, "");
        let mut said: Vec<String> = (0..lines).map(|_| writer.line().expect("the child goes on")).collect();
        said.extend(writer.kill());
        // The last that was acknowledged of each name.
        let said: HashMap<&str, usize> = said
            .iter()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, number)| (name, number.parse().expect("a number")))
            .collect();
        let store = open_in(&data, DiskOptions::default());
        for (name, number) in said {
            let (letter_found, size) = read(&store, name).await.expect("read").expect("it was acknowledged");
            // One write more may have happened without the word having come through.
            let is = |number: usize| size == SIZES[number % 7] && (size == 0 || letter_found == letter(number));
            assert!(is(number) || is(number + 1), "round {round}: {name} has {size} of {letter_found} after {number}");
        }
        let all = names(&store).await;
        for name in &all {
            read(&store, name).await.expect("whatever is there is whole");
        }
        await_content_files(&data, all.len());
    }
}

/// The child: 8 writers, each with an object that it replaces again and again, and others that are only written once.
/// In between there are contents that do not end.
pub(crate) async fn write(data: &Path) {
    let store = open_in(data, DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    let run = std::process::id();
    let endless = letters('x', 200_000).chain(futures::stream::pending()).boxed();
    let mut endless = store.write(&container(), "never", endless);
    let writers = (0..8).map(async |writer| {
        for number in 0_usize.. {
            let name = if writer % 2 == 0 { format!("{run}-{writer}") } else { format!("{run}-{writer}-{number}") };
            let content = letters(letter(number), SIZES[number % 7]);
            store.write(&container(), &name, content).await.expect("write");
            child::say(&format!("{name} {number}"));
        }
    });
    let writers = join_all(writers);
    futures::future::select(std::pin::pin!(writers), &mut endless).await;
}
