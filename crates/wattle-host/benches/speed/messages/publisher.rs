//! Who publishes the work and counts what comes back: each message that comes back makes room for another.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::time::timeout;

use super::{DONE, WINDOW, bare};

const BODY: &[u8] = &[b'm'; 128];
/// How long the answers of a round may take after its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has messages about `subject` handled for a while, and says how many were per second.
pub(crate) fn work(url: &str, subject: String) -> impl Fn(Duration) -> f64 + 'static {
    let url = url.to_owned();
    move |round| {
        let subject = subject.clone();
        let worked = bare::connected(&url, move |client| async move {
            let mut done = client.subscribe(DONE).await.expect("a subscription");
            client.flush().await.expect("a flush");
            let publish = || async {
                client.publish(subject.clone(), BODY.into()).await.expect("it is published");
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
