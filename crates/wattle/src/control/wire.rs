//! What questions and answers go over.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How long nothing may come before it is asked whether anybody is still there, how often, and how many times.
const IDLE: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_secs(10);
const TIMES: u32 = 3;

/// A stream of bytes, both ways.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Has the system notice when nobody is at the other end any more: who waits there may wait for long.
pub(super) fn watch(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(EVERY).with_retries(TIMES);
    let watched = SockRef::from(stream).set_tcp_keepalive(&keepalive).and_then(|()| stream.set_nodelay(true));
    if let Err(error) = watched {
        tracing::debug!(%error, "it may not be noticed when the other end of a connection is gone");
    }
}
