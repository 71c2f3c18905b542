//! One connection to the upstream, which answers each line with a line.

use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamWriter};
use wasip3::wit_stream;

/// How long the upstream may take to be connected to, and to answer, in nanoseconds.
const PATIENCE: u64 = 5_000_000_000;
/// The longest answer, in bytes, and how much of it is read at a time.
const ANSWER_MAX: usize = 64 << 10;
const PIECE: usize = 1 << 10;

pub struct Connection {
    to: StreamWriter<u8>,
    from: StreamReader<u8>,
    /// What holds the connection open beside its streams.
    _held: (TcpSocket, [FutureReader<Result<(), ErrorCode>>; 2]),
}

/// Connects to `UPSTREAM`: an IP address and a port.
pub async fn open() -> Result<Connection, String> {
    let address = std::env::var("UPSTREAM").map_err(|_| "the variable UPSTREAM is not set")?;
    let address: SocketAddr = address.parse().map_err(|_| format!("UPSTREAM is no address: {address}"))?;
    let family = if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 };
    let failed = |error: ErrorCode| format!("cannot connect to the upstream: {error}");
    let socket = TcpSocket::create(family).map_err(failed)?;
    in_time(socket.connect(socket_address(address))).await?.map_err(failed)?;
    let (to, data) = wit_stream::new();
    let sent = socket.send(data);
    let (from, received) = socket.receive();
    Ok(Connection { to, from, _held: (socket, [sent, received]) })
}

impl Connection {
    /// What the upstream answers to `line`.
    pub async fn ask(&mut self, line: &str) -> Result<String, String> {
        in_time(self.exchange(line)).await?
    }

    async fn exchange(&mut self, line: &str) -> Result<String, String> {
        let closed = || "the upstream closed the connection".to_owned();
        if !self.to.write_all(format!("{line}\n").into_bytes()).await.is_empty() {
            return Err(closed());
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n") {
            if answer.len() >= ANSWER_MAX {
                return Err("the upstream's answer is too long".to_owned());
            }
            let (_, more) = self.from.read(Vec::with_capacity(PIECE)).await;
            if more.is_empty() {
                return Err(closed());
            }
            answer.extend(more);
        }
        answer.pop();
        String::from_utf8(answer).map_err(|_| "the upstream's answer is no text".to_owned())
    }
}

/// What `work` gives, unless it takes too long.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let (mut work, mut late) = (pin!(work), pin!(wait_for(PATIENCE)));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| Err("the upstream did not answer in time".to_owned())),
    })
    .await
}

fn socket_address(address: SocketAddr) -> IpSocketAddress {
    let port = address.port();
    match address {
        SocketAddr::V4(address) => {
            let address = address.ip().octets().into();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
        }
        SocketAddr::V6(address) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: address.flowinfo(),
            address: address.ip().segments().into(),
            scope_id: address.scope_id(),
        }),
    }
}
