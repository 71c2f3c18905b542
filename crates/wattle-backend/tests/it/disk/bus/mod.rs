//! Messages on disk.

pub(super) mod crash;
mod damage;
pub(super) mod faults;
mod full;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tempfile::TempDir;
use tokio::time::timeout;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Audience, Bus, Deliveries, Delivery, Message, Settlement, Subscription};
use wattle_backend::conformance::bus::Place;
use wattle_backend::disk::faults::{Faults, FileOperation};
use wattle_backend::disk::{DataDir, DiskBus, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::exchange::BusOptions;

use super::{temporary, without_entry_cache};

struct Directory {
    options: DiskOptions,
    dir: TempDir,
}

impl Place for Directory {
    fn open(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
        async {
            let bus = open_in(&self.dir.path().join("data"), self.options.clone(), BusOptions::default());
            Arc::new(bus) as Arc<dyn Bus>
        }
        .boxed()
    }
}

mod conformance {
    use super::*;

    fn place() -> Directory {
        Directory { options: DiskOptions::default(), dir: temporary() }
    }

    wattle_backend::bus_conformance!(place);
}

/// The same with hardly any memory, so that every message is read from the disk.
mod conformance_without_caches {
    use super::*;

    fn place() -> Directory {
        let options = DiskOptions { page_cache_bytes: 64 << 10, write_queue_bytes: 1, ..without_entry_cache() };
        Directory { options, dir: temporary() }
    }

    wattle_backend::bus_conformance!(place);
}

/// How long something may take that must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn file(data: &Path) -> PathBuf {
    data.join("messages.redb")
}

fn open_in(data: &Path, disk: DiskOptions, options: BusOptions) -> DiskBus {
    try_open_in(data, disk, options).expect("a bus")
}

fn try_open_in(data: &Path, disk: DiskOptions, options: BusOptions) -> Result<DiskBus, BackendError> {
    DiskBus::open(Arc::new(DataDir::open(data).expect("a data directory")), disk, options)
}

fn message(body: impl Into<Vec<u8>>) -> Message {
    let subject = "a".parse().expect("a subject");
    Message { subject, body: body.into().into(), reply_to: None, headers: Vec::new() }
}

async fn publish(bus: &DiskBus, body: impl Into<Vec<u8>>) -> Result<(), BackendError> {
    bus.publish(&Owner::Shared, message(body)).await
}

/// One of the group that hears of what these tests publish.
async fn join(bus: &DiskBus) -> Deliveries {
    try_join(bus).await.expect("subscribe")
}

async fn try_join(bus: &DiskBus) -> Result<Deliveries, BackendError> {
    let (owner, pattern) = (Owner::Shared, "a".parse().expect("a pattern"));
    let (audience, unsettled) = (Audience::Group("group".into()), 64.try_into().expect("more than none"));
    bus.subscribe(Subscription { owner, pattern, audience, unsettled }).await
}

/// What comes next, within the time that it may take.
async fn next(deliveries: &mut Deliveries) -> Result<Delivery, BackendError> {
    timeout(PATIENCE, deliveries.next()).await.expect("nothing came").expect("it goes on")
}

async fn done(delivery: Delivery) -> Result<(), BackendError> {
    delivery.receipt.settle(Settlement::Done).await
}

fn text(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body).into_owned()
}

#[tokio::test]
async fn a_closed_bus_says_so() {
    let dir = temporary();
    let bus = open_in(&dir.path().join("data"), DiskOptions::default(), BusOptions::default());
    let mut member = join(&bus).await;
    publish(&bus, "x").await.expect("publish");
    let delivery = next(&mut member).await.expect("a message");
    bus.close();
    assert!(member.next().await.is_none(), "it ends");
    let closed = |error: BackendError| assert!(matches!(error, BackendError::Closed), "{error:?}");
    closed(done(delivery).await.expect_err("it is closed"));
    closed(publish(&bus, "x").await.expect_err("it is closed"));
    closed(try_join(&bus).await.map(drop).expect_err("it is closed"));
    closed(bus.request(&Owner::Shared, message("x"), PATIENCE).await.map(drop).expect_err("it is closed"));
    closed(bus.groups(&Owner::Shared).await.map(drop).expect_err("it is closed"));
}

#[tokio::test]
async fn messages_of_many_groups_share_commits() {
    let dir = temporary();
    let faults = Faults::default();
    let options = DiskOptions { faults: faults.clone(), ..DiskOptions::default() };
    let bus = open_in(&dir.path().join("data"), options, BusOptions::default());
    for group in 0..20 {
        let (owner, pattern) = (Owner::Shared, "a".parse().expect("a pattern"));
        let (audience, unsettled) = (Audience::Group(group.to_string()), 1.try_into().expect("more than none"));
        drop(bus.subscribe(Subscription { owner, pattern, audience, unsettled }).await.expect("subscribe"));
    }
    let before = faults.count(FileOperation::Sync);
    let published = futures::future::join_all((0..64).map(|number| publish(&bus, number.to_string()))).await;
    published.into_iter().for_each(|result| result.expect("publish"));
    let syncs = faults.count(FileOperation::Sync) - before;
    assert!((2..=20).contains(&syncs), "64 messages for 20 groups each took {syncs} syncs");
}

#[tokio::test]
async fn what_waits_is_due_when_it_was_also_after_reopening() {
    let dir = temporary();
    let data = dir.path().join("data");
    let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
    let mut member = join(&bus).await;
    publish(&bus, "later").await.expect("publish");
    let delivery = next(&mut member).await.expect("a message");
    let start = std::time::Instant::now();
    let (soon, late) = (Duration::from_millis(1500), Duration::from_secs(3600));
    delivery.receipt.settle(Settlement::Retry(soon)).await.expect("settle");
    publish(&bus, "much later").await.expect("publish");
    let delivery = next(&mut member).await.expect("a message");
    delivery.receipt.settle(Settlement::Retry(late)).await.expect("settle");
    drop((member, bus));
    let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
    let mut member = join(&bus).await;
    let delivery = next(&mut member).await.expect("a message");
    assert!(start.elapsed() >= soon, "it came after {:?}", start.elapsed());
    assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("later", 2));
    done(delivery).await.expect("settle");
    assert!(timeout(Duration::from_millis(300), member.next()).await.is_err(), "an hour is not over");
}
