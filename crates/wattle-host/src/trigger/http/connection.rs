//! One connection: its protocol, and its requests until it ends or its listener does.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wattle_spec::limits::HostLimits;
use wattle_spec::units::ByteSize;

use super::exchange::Protocol;
use super::gate::{Gate, Stage};
use super::server::{Server, Via};
use super::wire::{FramedWire, PREFACE, Stream, Streams, Wire};
use crate::cores::CoreId;
use crate::tls::{self, Tls};

/// What a client of plain HTTP hears where TLS is spoken.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    this address speaks TLS: use https\n";

/// The first byte of a TLS connection: a record of the handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The largest frame of HTTP/2, the smallest that there may be.
const FRAME_LEN: u32 = 16 << 10;

/// The memory of a connection of HTTP/2 for header fields that come again, as the protocol has it by default.
const HEADER_TABLE_LEN: u32 = 4 << 10;

/// Requests of HTTP/2 that may be broken off before anybody looked at them.
const UNSEEN_RESETS: usize = 20;

/// How long a connection of HTTP/2 that rests may take to say goodbye when its listener ends.
const GOODBYE: Duration = Duration::from_millis(500);

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) core: CoreId,
    /// What it came in by.
    pub(super) gate: Arc<Gate>,
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("it did not say in time what it wants")]
    Silent,
    #[error("it is no TLS")]
    NotTls,
    #[error("its TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it broke off")]
    Http(#[source] hyper::Error),
    #[error("it did not end within the limit `drain` and was cut")]
    Cut,
}

/// Serves a connection to its end.
pub(super) async fn serve(server: Arc<Server>, accepted: Accepted, tls: Option<Arc<Tls>>) {
    let peer = accepted.peer;
    let served = match tls {
        None => serve_plain(server, accepted).await,
        Some(tls) => serve_tls(server, accepted, &tls).await,
    };
    if let Err(error) = served {
        tracing::debug!(client = %peer, error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

async fn serve_plain(server: Arc<Server>, accepted: Accepted) -> Result<(), Broken> {
    let Accepted { mut stream, peer, core, gate } = accepted;
    let first = read_first(&mut stream);
    let Some(first) = before_closing(&gate, timeout(server.limits.header_timeout, first)).await else {
        return Ok(());
    };
    let first = first.map_err(|_| Broken::Silent)?.map_err(Broken::Read)?;
    let speaks_http2 = first == PREFACE;
    let begun = Begun { server, stream, first, peer, core, gate, scheme: Scheme::HTTP };
    match speaks_http2 {
        true => begun.http2().await,
        false => begun.http1().await,
    }
}

/// Reads until it is clear whether these are the first bytes of HTTP/2.
async fn read_first(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut first = [0; PREFACE.len()];
    let mut len = 0;
    while len < first.len() && PREFACE.starts_with(&first[..len]) {
        match stream.read(&mut first[len..]).await? {
            0 => break,
            more => len += more,
        }
    }
    Ok(first[..len].to_vec())
}

async fn serve_tls(server: Arc<Server>, accepted: Accepted, tls: &Tls) -> Result<(), Broken> {
    let Accepted { mut stream, peer, core, gate } = accepted;
    let handshake = async {
        let mut first = [0];
        if stream.peek(&mut first).await.map_err(Broken::Read)? == 1 && first[0] != HANDSHAKE_RECORD {
            let _ = stream.write_all(NOT_TLS).await;
            let _ = stream.shutdown().await;
            return Err(Broken::NotTls);
        }
        tls.accept(stream).await.map_err(Broken::Handshake)
    };
    let handshake = timeout(server.limits.tls_handshake_timeout, handshake);
    let Some(stream) = before_closing(&gate, handshake).await else { return Ok(()) };
    let stream = stream.map_err(|_| Broken::Silent)??;
    let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2);
    let begun = Begun { server, stream, first: Vec::new(), peer, core, gate, scheme: Scheme::HTTPS };
    match speaks_http2 {
        true => begun.http2().await,
        false => begun.http1().await,
    }
}

/// What `future` gives, unless connections that rest are closed before.
async fn before_closing<T>(gate: &Gate, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = gate.reaches(Stage::Closing) => None,
    }
}

/// A connection whose protocol is known.
struct Begun<S> {
    server: Arc<Server>,
    stream: S,
    /// What was read of it already.
    first: Vec<u8>,
    peer: SocketAddr,
    core: CoreId,
    gate: Arc<Gate>,
    scheme: Scheme,
}

impl<S: Stream + Send + 'static> Begun<S> {
    async fn http1(self) -> Result<(), Broken> {
        let Self { server, stream, first, peer, core, gate, scheme } = self;
        let limits = &server.limits;
        let (wire, progress) = Wire::new(stream, first, limits);
        let via = Via { core, protocol: Protocol::Http1(progress), scheme, peer, gate: gate.clone() };
        let service = service_fn(|request| {
            let answer = server.answer(request, &via);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .half_close(false)
            .header_read_timeout(None)
            .max_headers(limits.headers as usize)
            .max_buf_size(usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX).max(8 << 10))
            .serve_connection(TokioIo::new(wire), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = gate.reaches(Stage::Closing) => {
                connection.as_mut().graceful_shutdown();
                unless_cut(&gate, connection).await?
            }
        };
        ended.map_err(Broken::Http)
    }

    async fn http2(self) -> Result<(), Broken> {
        let Self { server, stream, first, peer, core, gate, scheme } = self;
        let streams = Streams::new(&server.limits);
        let wire = FramedWire::new(stream, first, streams.clone(), &server.limits);
        let via = Via { core, protocol: Protocol::Http2(streams.clone()), scheme, peer, gate: gate.clone() };
        let via = Arc::new(via);
        let service = service_fn(|request| {
            let (server, via) = (server.clone(), via.clone());
            async move { Ok::<_, Infallible>(server.answer(request, &via).await) }
        });
        let mut connection = pin!(http2_builder(&server.limits).serve_connection(TokioIo::new(wire), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = streams.idle() => {
                connection.as_mut().graceful_shutdown();
                // What was answered may still be on its way.
                let rest = timeout(server.limits.body_timeout, connection);
                unless_cut(&gate, rest).await?.unwrap_or(Ok(()))
            }
            () = gate.reaches(Stage::Draining) => {
                connection.as_mut().graceful_shutdown();
                let rest = async {
                    tokio::select! {
                        ended = connection.as_mut() => ended,
                        () = all_served(&gate, &streams) => timeout(GOODBYE, connection).await.unwrap_or(Ok(())),
                    }
                };
                unless_cut(&gate, rest).await?
            }
        };
        ended.map_err(Broken::Http)
    }
}

/// Waits until connections that rest are closed, and this one does.
async fn all_served(gate: &Gate, streams: &Streams) {
    gate.reaches(Stage::Closing).await;
    streams.none().await;
}

/// What `rest` of a connection gives, unless it takes too long to end.
async fn unless_cut<T>(gate: &Gate, rest: impl Future<Output = T>) -> Result<T, Broken> {
    tokio::select! {
        biased;
        ended = rest => Ok(ended),
        () = gate.reaches(Stage::Cut) => Err(Broken::Cut),
    }
}

/// HTTP/2 with every limit that there is set.
fn http2_builder(limits: &HostLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(limits.http2_errors as usize)
        .max_header_list_size(bounded(limits.header_bytes))
        .max_frame_size(FRAME_LEN)
        .header_table_size(HEADER_TABLE_LEN)
        .initial_stream_window_size(bounded(limits.http2_stream_window))
        .initial_connection_window_size(bounded(limits.http2_connection_window))
        .max_send_buf_size(bounded(limits.http2_send_buffer) as usize)
        .keep_alive_interval(limits.http2_keep_alive)
        .keep_alive_timeout(limits.http2_keep_alive);
    builder
}

/// A size as HTTP/2 can say it.
fn bounded(size: ByteSize) -> u32 {
    u32::try_from(size.0).unwrap_or(u32::MAX).min(i32::MAX as u32)
}
