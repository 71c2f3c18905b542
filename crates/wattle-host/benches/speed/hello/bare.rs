//! The reference: hyper and nothing else, with the same threads and the same way of dealing connections.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let inboxes: Vec<_> = (0..cores).map(|_| core()).collect();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let stream = stream.expect("a connection");
                inboxes[number % cores].send(stream).expect("the core runs");
            }
        });
        Self { address }
    }
}

fn core() -> mpsc::UnboundedSender<std::net::TcpStream> {
    let (inbox, mut streams) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            while let Some(stream) = streams.recv().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    inbox
}

async fn serve(stream: std::net::TcpStream) {
    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("socket options");
    let stream = TcpStream::from_std(stream).expect("a socket");
    let service = service_fn(|_| async {
        let mut answer = Response::new(Full::new(Bytes::from_static(b"Hello from Wattle\n")));
        answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
        Ok::<_, Infallible>(answer)
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
