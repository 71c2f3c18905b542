//! A file of messages that is not what was written: it is told, and no message is ever another one.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::{
    BusOptions, DiskOptions, done, file, join, open_in, publish, temporary, text, try_join, try_open_in,
    without_entry_cache,
};
use crate::disk::chain;

fn bodies() -> impl Iterator<Item = String> {
    (0..40_usize).map(|number| format!("{number}:").repeat([1, 30, 900][number % 3]))
}

#[tokio::test]
async fn flipped_bits_are_found() {
    let dir = temporary();
    let data = dir.path().join("data");
    let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
    drop(join(&bus).await);
    for body in bodies() {
        publish(&bus, body).await.expect("publish");
    }
    drop(bus);
    let contents = fs::read(file(&data)).expect("the file");
    let mut found = 0;
    for round in 0..300_usize {
        let mut bytes = contents.clone();
        let at = round.wrapping_mul(2_654_435_761) % bytes.len();
        bytes[at] ^= 1 << (round % 8);
        fs::write(file(&data), &bytes).expect("the file is ours");
        // Checked as a whole when it is opened, or too large for that.
        let verify_max_bytes = if round % 3 == 0 { 0 } else { u64::MAX };
        let disk = DiskOptions { verify_max_bytes, ..without_entry_cache() };
        found += usize::from(is_told(&data, disk, &format!("bit {} of byte {at}", round % 8)).await);
    }
    assert!(found > 30, "much of the file counts: {found}");
}

/// Takes everything from a damaged file. Whether the damage was told.
async fn is_told(data: &std::path::Path, disk: DiskOptions, what: &str) -> bool {
    let corrupt = |error: &dyn std::error::Error, code: &str| {
        assert_eq!(code, "corrupt", "{what}: {}", chain(error));
        true
    };
    let whole = disk.verify_max_bytes > 0;
    let bus = match try_open_in(data, disk, BusOptions::default()) {
        Ok(bus) => bus,
        Err(error) => return corrupt(&error, error.code()),
    };
    let mut member = match try_join(&bus).await {
        Ok(member) => member,
        Err(error) => return corrupt(&error, error.code()),
    };
    let mut expected: BTreeSet<String> = bodies().collect();
    let (mut told, mut held) = (false, Vec::new());
    while !expected.is_empty() {
        match timeout(Duration::from_millis(if told || !whole { 50 } else { 5000 }), member.next()).await {
            Ok(Some(Ok(delivery))) => {
                assert!(expected.remove(&text(&delivery)), "{what}: another message came");
                held.push(delivery);
            }
            Ok(Some(Err(error))) => told = corrupt(&error, error.code()),
            Ok(None) => panic!("{what}: it ended"),
            Err(_) => break,
        }
    }
    // What can still be written is not the question here, but nothing may panic or wait for ever.
    if let Some(delivery) = held.pop() {
        let _ = done(delivery).await;
    }
    assert!(told || !whole || expected.is_empty(), "{what}: {} messages are gone without a word", expected.len());
    told
}
