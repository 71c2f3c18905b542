//! From an origin to a connection: its name is resolved once, the addresses are checked, and the connection goes to one
//! of those that passed. Nobody asks for the name a second time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;
use wattle_spec::network::NetworkPolicy;

use super::error::{ConnectError, SendError};
use super::{Network, Places};
use crate::cores::CoreId;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Makes connections for one component on one core.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector<CheckedNames>>,
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(
        network: &Arc<Network>,
        core: CoreId,
        policy: &Arc<NetworkPolicy>,
        places: &Places,
        timeout: Duration,
    ) -> Result<Self, SendError> {
        let names = CheckedNames { network: network.clone(), core, policy: policy.clone() };
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = network.tls().map_err(SendError::Tls)?;
        let inner = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config((*tls).clone())
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        Ok(Self { inner, places: places.connections.clone(), timeout })
    }
}

impl Service<Uri> for Connector {
    type Response = Counted;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Counted, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let places = self.places.clone();
        // It must not begin before there is a place for it.
        let mut inner = self.inner.clone();
        let connected = async move {
            let place = places.acquire_owned().await?;
            std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
            Ok(Counted { stream: inner.call(uri).await?, _place: place })
        };
        // The request that wanted it may have found another one and gone.
        let within = tokio::time::timeout(self.timeout, connected);
        Box::pin(async move { within.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) })
    }
}

/// A connection with its place among those of its app, which it holds also while it rests.
pub(super) struct Counted {
    stream: Stream,
    _place: OwnedSemaphorePermit,
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Resolves names, and lets pass only addresses that the component may reach.
#[derive(Clone)]
pub(super) struct CheckedNames {
    network: Arc<Network>,
    core: CoreId,
    policy: Arc<NetworkPolicy>,
}

impl CheckedNames {
    async fn resolve(self, name: Name) -> Result<std::vec::IntoIter<SocketAddr>, ConnectError> {
        let found = self.network.resolve(self.core, name.as_str()).await.map_err(ConnectError::Name)?;
        let mut denied = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match self.policy.check_address(address) {
                // The port is that of the origin: it is filled in by whoever asked.
                Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                Err(class) => denied = Some((address, class)),
            }
        }
        match denied {
            Some((address, class)) if allowed.is_empty() => {
                Err(ConnectError::Prohibited { name: name.as_str().into(), address, class })
            }
            _ => Ok(allowed.into_iter()),
        }
    }
}

impl Service<Name> for CheckedNames {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name))
    }
}
