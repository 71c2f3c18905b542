//! The reference: the backend and nothing else, with as many threads and clients, which do what the component does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::key_value::{KeyValue, Put};

/// How many keys there are.
pub(crate) const KEYS: u32 = 1000;
const VALUE: [u8; 1024] = [b'v'; 1024];
const THREADS: usize = 2;

/// What is done with each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Set,
    /// In turns.
    Mix,
}

impl Verb {
    /// What the operation of that number is.
    fn of(self, number: u32) -> Self {
        match self {
            Verb::Mix if number % 2 == 1 => Verb::Set,
            Verb::Mix => Verb::Get,
            verb => verb,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Set => "set",
            Verb::Mix => "mix",
        }
    }
}

/// Operations per second of `clients` clients, each of which does `count` of them again and again for `duration`.
pub(crate) fn run(store: &Arc<dyn KeyValue>, verb: Verb, count: u32, clients: usize, duration: Duration) -> f64 {
    let started = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || drive(&store, verb, count, clients / THREADS, started + duration))
        })
        .collect();
    let done: u64 = threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).sum();
    done as f64 / started.elapsed().as_secs_f64()
}

fn drive(store: &Arc<dyn KeyValue>, verb: Verb, count: u32, clients: usize, until: Instant) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clients: Vec<_> = (0..clients).map(|_| tokio::spawn(client(store.clone(), verb, count, until))).collect();
        let mut done = 0;
        for client in clients {
            done += client.await.expect("a client does not panic");
        }
        done
    })
}

async fn client(store: Arc<dyn KeyValue>, verb: Verb, count: u32, until: Instant) -> u64 {
    let bucket = Bucket { owner: Owner::Host, name: "mill".to_owned() };
    let mut done = 0;
    loop {
        for number in 0..count {
            work(&*store, verb.of(number), &bucket, &format!("key-{}", number % KEYS)).await;
        }
        done += u64::from(count);
        if Instant::now() >= until {
            return done;
        }
        tokio::task::yield_now().await;
    }
}

/// One operation, the value handed over as a guest does: as bytes of its own.
async fn work(store: &dyn KeyValue, verb: Verb, bucket: &Bucket, key: &str) {
    match verb {
        Verb::Get => drop(store.get(bucket, key).await.expect("reads").map(|entry| Vec::from(entry.value))),
        Verb::Set | Verb::Mix => drop(store.set(bucket, key, Put::from(VALUE.to_vec())).await.expect("writes")),
    }
}
