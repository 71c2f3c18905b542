//! A disk that fails: what publishers are told, and that nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use tokio::time::timeout;

use super::{
    BusOptions, DiskBus, DiskOptions, done, join, next, open_in, publish, temporary, text, without_entry_cache,
};
use crate::disk::child;
use wattle_backend::backend::Backend;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, GroupId};
use wattle_backend::disk::faults::{Faults, FileOperation};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn with(faults: &Faults) -> DiskOptions {
    DiskOptions { faults: faults.clone(), page_cache_bytes: 16 << 10, ..without_entry_cache() }
}

#[tokio::test]
async fn a_full_disk_refuses_messages_until_there_is_room() {
    let (dir, faults) = (temporary(), Faults::default());
    let data = dir.path().join("data");
    let bus = open_in(&data, with(&faults), BusOptions::default());
    let mut member = join(&bus).await;
    publish(&bus, "before").await.expect("publish");
    faults.fail(FileOperation::Write, 0, ENOSPC);
    let error = publish(&bus, "refused").await.expect_err("the disk is full");
    assert_eq!(error.code(), "full", "{error}");
    assert!(error.hint().is_some() && error.to_string().contains("messages.redb"), "{error}");
    let delivery = next(&mut member).await.expect("what is there is delivered");
    assert_eq!(text(&delivery), "before");
    let error = done(delivery).await.expect_err("the disk is full");
    assert_eq!(error.code(), "full", "{error}");
    assert_eq!(bus.check().await.expect_err("the disk is full").code(), "full");
    faults.heal();
    let delivery = next(&mut member).await.expect("what could not be settled comes again");
    assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("before", 2));
    done(delivery).await.expect("settle");
    publish(&bus, "after").await.expect("publish");
    assert_eq!(text(&next(&mut member).await.expect("a message")), "after");
    bus.check().await.expect("it is sound");
}

/// The disk fails at every single operation of a few publishes and settlements in turn.
#[tokio::test]
async fn nothing_acknowledged_is_lost_wherever_the_disk_fails() {
    let failures = [
        (FileOperation::Write, EIO),
        (FileOperation::Write, ENOSPC),
        (FileOperation::Sync, EIO),
        (FileOperation::Resize, ENOSPC),
        (FileOperation::Read, EIO),
    ];
    for (operation, errno) in failures {
        for spared in 0.. {
            if !fail_at(operation, spared, errno).await {
                break;
            }
        }
    }
}

/// Fails one operation and looks at what is left. Whether there was one to fail.
async fn fail_at(operation: FileOperation, spared: u64, errno: i32) -> bool {
    let what = format!("{operation:?} after {spared}, {errno}");
    let (dir, faults) = (temporary(), Faults::default());
    let data = dir.path().join("data");
    let bus = open_in(&data, with(&faults), BusOptions::default());
    let mut member = join(&bus).await;
    publish(&bus, "first").await.expect("publish");
    faults.fail(operation, spared, errno);
    let mut acknowledged = BTreeSet::from(["first".to_owned()]);
    // Together, as what is published at the same time shares commits.
    let publishing = [10, 100_000, 3, 300_000].into_iter().enumerate().map(async |(number, size)| {
        let body = format!("{number}{}", "n".repeat(size));
        publish(&bus, body.clone()).await.is_ok().then_some(body)
    });
    acknowledged.extend(join_all(publishing).await.into_iter().flatten());
    // One is settled, if that can be read and written.
    if let Ok(Some(Ok(delivery))) = timeout(Duration::from_millis(50), member.next()).await {
        let body = text(&delivery);
        match done(delivery).await {
            Ok(()) => assert!(acknowledged.remove(&body), "{what}: it was published"),
            // It may have been settled or not.
            Err(_) => drop(acknowledged.remove(&body)),
        }
    }
    let failed = faults.failed() > 0;
    faults.heal();
    drop((member, bus));
    let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
    let mut member = join(&bus).await;
    publish(&bus, "end").await.expect("publish");
    let (mut found, mut held) = (BTreeSet::new(), Vec::new());
    while !found.contains("end") {
        held.push(next(&mut member).await.expect("a message"));
        found.extend(held.last().map(text));
    }
    let lost: Vec<_> = acknowledged.difference(&found).map(|body| &body[..body.len().min(9)]).collect();
    assert!(lost.is_empty(), "{what}: {lost:?} were lost");
    failed
}

/// Whenever the disk fails while a group is forgotten, the group is there with all that it has, or not at all.
#[tokio::test]
async fn a_group_is_forgotten_or_not_wherever_the_disk_fails() {
    const MESSAGES: usize = 600;
    let group = GroupId { name: "group".into(), pattern: "a".parse().expect("a pattern") };
    let (mut kept, mut forgotten) = (0, 0);
    for spared in 0.. {
        let (dir, faults) = (temporary(), Faults::default());
        let data = dir.path().join("data");
        let bus = open_in(&data, with(&faults), BusOptions::default());
        drop(join(&bus).await);
        join_all((0..MESSAGES).map(|number| publish(&bus, number.to_string()))).await;
        faults.fail(FileOperation::Sync, spared, EIO);
        let result = bus.forget(&Owner::Shared, &group).await;
        faults.heal();
        drop(bus);
        let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
        match bus.groups(&Owner::Shared).await.expect("groups").as_slice() {
            [] => forgotten += 1,
            _ => {
                assert!(result.is_err(), "it was said to be forgotten");
                let mut member = join(&bus).await;
                let mut found = BTreeSet::new();
                while found.len() < MESSAGES {
                    // Some at a time, so that what is settled shares commits.
                    let some: Vec<_> =
                        (&mut member).take(60).map(|delivery| delivery.expect("a message")).collect().await;
                    found.extend(some.iter().map(text));
                    join_all(some.into_iter().map(done)).await.into_iter().for_each(|done| done.expect("settle"));
                }
                kept += 1;
            }
        }
        // Whatever was left is removed now, and nothing of it comes back.
        bus.forget(&Owner::Shared, &group).await.expect("forget");
        drop(bus);
        let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
        let mut member = join(&bus).await;
        publish(&bus, "new").await.expect("publish");
        assert_eq!(text(&next(&mut member).await.expect("a message")), "new");
        if result.is_ok() {
            break;
        }
    }
    assert!(kept > 0 && forgotten > 1, "it failed before and after: {kept}, {forgotten}");
}

/// A real limit of the system instead of a pretended one: no file may be larger than some megabytes.
#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let dir = temporary();
    // Without the trap, the system would kill the process. The unit of `ulimit -f` is 512 bytes, or 1024.
    let mut filler = child::start("fill-bus", &dir.path().join("data"), "trap '' XFSZ; ulimit -f 8192;");
    assert_eq!(filler.line().as_deref(), Some("full after some, and all of them are delivered"));
}

/// The child: publishes until it cannot, and takes what it has published.
pub(crate) async fn fill(data: &Path) {
    let bus: DiskBus = open_in(data, without_entry_cache(), BusOptions::default());
    let mut member = join(&bus).await;
    let mut published = 0;
    let error = loop {
        match publish(&bus, vec![b'x'; 256 << 10]).await {
            Ok(()) => published += 1,
            Err(error) => break error,
        }
    };
    assert!(published > 0, "there was room for some");
    for _ in 0..published {
        let delivery = next(&mut member).await.expect("a message");
        assert_eq!(delivery.message.body.len(), 256 << 10);
        done(delivery).await.expect("what is removed takes no room");
    }
    child::say(&format!("{} after some, and all of them are delivered", error.code()));
}
