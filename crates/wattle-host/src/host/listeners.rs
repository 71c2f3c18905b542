//! Where a host serves: addresses come and go while it does.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, MutexGuard};

use wattle_spec::listen::Scheme;

use super::Host;
use crate::admin::{AdminListener, Watched};
use crate::error::HostError;
use crate::tls::Tls;
use crate::trigger::http::{Entrance, Listener};

/// An address on which a host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// What is spoken there.
    pub scheme: Scheme,
    /// The address that it is bound to.
    pub address: SocketAddr,
    /// How many connections are open that came in there.
    pub connections: usize,
}

/// As a URL.
impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.address)
    }
}

/// What came of an address on which a host serves no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlistened {
    /// Connections that had not ended within the limit `drain`, and were cut.
    pub cut: usize,
}

impl Host {
    /// Serves HTTP on `listener` until the host stops, or [`Host::unlisten`] of its address. Must be called within a Tokio
    /// runtime, which accepts.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used, or the host is ending.
    pub fn listen(&self, listener: TcpListener) -> Result<SocketAddr, HostError> {
        self.enter(listener, None)
    }

    /// Serves HTTP over TLS on `listener`, else as [`Host::listen`] does.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used, or the host is ending.
    pub fn listen_tls(&self, listener: TcpListener, tls: Arc<Tls>) -> Result<SocketAddr, HostError> {
        self.enter(listener, Some(tls))
    }

    fn enter(&self, listener: TcpListener, tls: Option<Arc<Tls>>) -> Result<SocketAddr, HostError> {
        let entrance = Entrance {
            server: self.server.clone(),
            connections: self.connections.clone(),
            cores: self.cores.clone(),
            tls,
        };
        // Under the lock: what comes later than the end of all would have none.
        let mut listeners = self.all_listeners();
        if self.server.is_ending() {
            return Err(HostError::Ending);
        }
        let listener = Listener::start(listener, entrance).map_err(HostError::Listen)?;
        let address = listener.address();
        listeners.push(listener);
        Ok(address)
    }

    /// Serves on `address` no more: nothing is accepted there from now on, its connections end after what is under way, and
    /// those that have not ended after the limit `drain` are cut. No other connection is touched. Must be called within a
    /// Tokio runtime. What this returns waits until that is over, which goes on without it too.
    ///
    /// `None`: it does not serve there.
    pub fn unlisten(&self, address: SocketAddr) -> Option<impl Future<Output = Unlistened> + Send + use<>> {
        let listener = {
            let mut listeners = self.all_listeners();
            let at = listeners.iter().position(|listener| listener.address() == address)?;
            listeners.remove(at)
        };
        let ended = tokio::spawn(listener.end(self.server.limits.drain));
        // It is lost with the runtime alone, and so are the connections then.
        Some(async { Unlistened { cut: ended.await.unwrap_or(0) } })
    }

    /// Where it serves, in the order in which that began.
    pub fn listeners(&self) -> Vec<Listening> {
        let of = |listener: &Listener| Listening {
            scheme: listener.scheme(),
            address: listener.address(),
            connections: listener.connections(),
        };
        self.all_listeners().iter().map(of).collect()
    }

    /// Answers whoever watches the host, on `listener` and by plain HTTP, until the host is dropped: `/healthz`, `/readyz`
    /// and, if the host counts, `/metrics`. Must be called within a Tokio runtime, which serves.
    ///
    /// # Errors
    ///
    /// If the socket cannot be used.
    pub fn listen_admin(&self, listener: TcpListener) -> Result<SocketAddr, HostError> {
        let watched = Watched { readiness: self.readiness.clone(), telemetry: self.loader.telemetry().cloned() };
        let listener = AdminListener::start(listener, watched).map_err(HostError::Listen)?;
        let address = listener.address();
        self.admin.lock().expect("invariant: nothing panics while it holds this lock").push(listener);
        Ok(address)
    }

    pub(super) fn all_listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
