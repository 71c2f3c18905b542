//! Who publishes the work and counts what comes back: each message that comes back makes room for another.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use super::order::{Item, Order};
use super::{DONE, WINDOW, Way, Work, bare};

/// How many items an order has: it is some 2 KiB then.
const ITEMS: u32 = 40;
/// How long the answers of a round may take after its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has messages about `subject` handled for a while, and says how many were per second.
pub(super) fn work(way: &Way, subject: String) -> impl Fn(Duration) -> f64 + 'static {
    let (url, body, done) = (way.url.to_owned(), body(way.work), way.in_nats(DONE));
    move |round| {
        let (subject, body, done) = (subject.clone(), body.clone(), done.clone());
        let worked = bare::connected(&url, move |client| async move {
            let mut done = client.subscribe(done).await.expect("a subscription");
            client.flush().await.expect("a flush");
            let publish = || async {
                client.publish(subject.clone(), body.clone()).await.expect("it is published");
            };
            let started = Instant::now();
            for _ in 0..WINDOW {
                publish().await;
            }
            let (mut under_way, mut answered) = (WINDOW, 0);
            while under_way > 0 {
                timeout(PATIENCE, done.next()).await.expect("an answer in time").expect("an answer");
                under_way -= 1;
                if started.elapsed() < round {
                    answered += 1;
                    publish().await;
                    under_way += 1;
                }
            }
            f64::from(answered) / round.as_secs_f64()
        });
        worked.join().expect("the publisher does not panic")
    }
}

fn body(work: Work) -> Bytes {
    let item =
        |number| Item { name: format!("item {number}"), quantity: number % 7 + 1, price: 95 * u64::from(number) };
    match work {
        Work::Orders => {
            let order = Order { customer: "shop.example.com/4711".to_owned(), items: (0..ITEMS).map(item).collect() };
            serde_json::to_vec(&order).expect("an order is JSON").into()
        }
        Work::Echo => Bytes::from_static(&[b'm'; 128]),
    }
}
