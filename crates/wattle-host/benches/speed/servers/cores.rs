//! A thread per core, to which connections are dealt in turns, as a host does it.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Serves each connection with `serve`, for as long as the process runs.
pub(super) fn start<S, F>(serve: S) -> SocketAddr
where
    S: Fn(TcpStream) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let inboxes: Vec<_> = (0..cores).map(|_| thread(serve.clone())).collect();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.expect("a connection");
            stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("socket options");
            inboxes[number % cores].send(stream).expect("the core runs");
        }
    });
    address
}

fn thread<S, F>(serve: S) -> mpsc::UnboundedSender<std::net::TcpStream>
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (inbox, mut streams) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            while let Some(stream) = streams.recv().await {
                tokio::spawn(serve(TcpStream::from_std(stream).expect("a socket")));
            }
        });
    });
    inbox
}
