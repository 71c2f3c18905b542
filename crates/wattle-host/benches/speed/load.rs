//! A closed-loop load generator: each connection sends its next request when it has the whole answer to the last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const THREADS: usize = 2;

/// Requests for `path` per second over `connections` connections for `duration`.
pub(crate) fn run(address: SocketAddr, path: &str, connections: usize, duration: Duration) -> f64 {
    let request: Arc<[u8]> = format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\n\r\n").into_bytes().into();
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
        done += 1;
        if Instant::now() >= until {
            return done;
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(answer));
    const LENGTH: &[u8] = b"content-length: ";
    match answer[..head].windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH)) {
        Some(at) => {
            let digits = answer[at + LENGTH.len()..].iter().take_while(|digit| digit.is_ascii_digit());
            let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
            answer.len() >= head + 4 + length
        }
        None => answer.ends_with(b"0\r\n\r\n"),
    }
}
