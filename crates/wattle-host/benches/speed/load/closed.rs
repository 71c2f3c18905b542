//! A closed loop: each connection sends its next request when it has the whole answer to the last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{is_good, is_whole, request};

const THREADS: usize = 2;

/// Requests for `path` per second over `connections` connections for `duration`.
pub(crate) fn run(address: SocketAddr, path: &str, connections: usize, duration: Duration) -> f64 {
    let request: Arc<[u8]> = request(path).into();
    let started = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || drive(address, &request, connections / THREADS, started + duration))
        })
        .collect();
    let done: u64 = threads.into_iter().map(|thread| thread.join().expect("the load generator does not panic")).sum();
    done as f64 / started.elapsed().as_secs_f64()
}

fn drive(address: SocketAddr, request: &Arc<[u8]>, connections: usize, until: Instant) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let connections: Vec<_> =
            (0..connections).map(|_| tokio::spawn(connection(address, request.clone(), until))).collect();
        let mut done = 0;
        for connection in connections {
            done += connection.await.expect("a connection does not panic");
        }
        done
    })
}

async fn connection(address: SocketAddr, request: Arc<[u8]>, until: Instant) -> u64 {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("a socket option");
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut done = 0;
    loop {
        stream.write_all(&request).await.expect("the server reads");
        buffer.clear();
        while !is_whole(&buffer) {
            let read = stream.read_buf(&mut buffer).await.expect("the server answers");
            assert!(read > 0, "the server hung up: {:?}", String::from_utf8_lossy(&buffer));
        }
        assert!(is_good(&buffer), "{:?}", String::from_utf8_lossy(&buffer));
        done += 1;
        if Instant::now() >= until {
            return done;
        }
    }
}
