//! The reference: a pooled client of hyper and nothing else.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const THREADS: usize = 2;

type Pooled = Client<HttpConnector, Empty<Bytes>>;

/// Requests per second of so many `clients`.
pub(super) fn run(address: SocketAddr, clients: usize, duration: Duration) -> f64 {
    let started = Instant::now();
    let threads: Vec<_> =
        (0..THREADS).map(|_| thread::spawn(move || drive(address, clients / THREADS, started + duration))).collect();
    let done: u64 = threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).sum();
    done as f64 / started.elapsed().as_secs_f64()
}

fn drive(address: SocketAddr, clients: usize, until: Instant) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Pooled = Client::builder(TokioExecutor::new()).build(connector);
    runtime.block_on(async {
        let clients: Vec<_> = (0..clients).map(|_| tokio::spawn(ask(client.clone(), address, until))).collect();
        let mut done = 0;
        for client in clients {
            done += client.await.expect("a client does not panic");
        }
        done
    })
}

async fn ask(client: Pooled, address: SocketAddr, until: Instant) -> u64 {
    let uri: http::Uri = format!("http://{address}/").parse().expect("a URI");
    let mut done = 0;
    while Instant::now() < until {
        let answer = client.get(uri.clone()).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.expect("a whole answer");
        done += 1;
    }
    done
}
