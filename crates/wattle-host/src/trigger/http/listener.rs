//! Accepting connections: within the limits, and through whatever the system runs out of.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wattle_spec::listen::Scheme;

use super::connection::{self, Accepted};
use super::gate::{Gate, Stage};
use super::server::Server;
use crate::cores::Cores;
use crate::instance::LogRate;
use crate::tls::Tls;

/// How long accepting rests when the system has no more file descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(50);

/// When a listener ends, connections that rest may use this long to end by themselves: a request may be on its way.
pub(crate) const REST_GRACE: Duration = Duration::from_millis(500);

/// Connections at most that are taken from a socket which is about to be closed: as many as the system lets wait.
const LAST_ACCEPTED: usize = 4096;

/// Refused connections that are told in a second; the others are counted.
const REFUSALS_PER_SECOND: u32 = 1;

/// An address on which a host serves. It accepts until it is told to end, or dropped.
pub(crate) struct Listener {
    address: SocketAddr,
    scheme: Scheme,
    gate: Arc<Gate>,
    accepting: JoinHandle<()>,
}

/// The connections of a host, counted.
pub(crate) struct Connections {
    all: Arc<Semaphore>,
    count: u32,
    by_address: Mutex<HashMap<IpAddr, u32>>,
    per_address: u32,
    /// How often it is told that there were too many.
    refusals: LogRate,
}

/// A connection's place: given back when it is dropped.
struct Place {
    connections: Arc<Connections>,
    address: IpAddr,
    _all: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(limits: &wattle_spec::limits::HostLimits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections as usize)),
            count: limits.connections,
            by_address: Mutex::default(),
            per_address: limits.connections_per_address,
            refusals: LogRate::new(REFUSALS_PER_SECOND),
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_address.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        (self.count as usize).saturating_sub(self.all.available_permits())
    }

    /// Waits until there are none.
    pub(crate) async fn none(&self) {
        let _ = self.all.acquire_many(self.count).await;
    }

    /// A place for a connection from `address`, unless it has too many.
    fn enter(self: &Arc<Self>, address: IpAddr, all: OwnedSemaphorePermit) -> Option<Place> {
        let address = one_client(address);
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { connections: self.clone(), address, _all: all })
    }
}

/// What counts as one address: of IPv6 the network of 64 bits that a client has for itself.
fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Where accepted connections go.
pub(crate) struct Entrance {
    pub(crate) server: Arc<Server>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) cores: Arc<Cores>,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Listener {
    pub(crate) fn start(listener: std::net::TcpListener, entrance: Entrance) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let scheme = if entrance.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let gate = Arc::new(Gate::new());
        let accepting = tokio::spawn(accept_all(listener, entrance, gate.clone()));
        Ok(Self { address, scheme, gate, accepting })
    }

    /// The address that it is bound to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is spoken there.
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// How many connections are open that came in here.
    pub(crate) fn connections(&self) -> usize {
        self.gate.count()
    }

    /// Accepts nothing more from now on, and has its connections end after their next answer.
    pub(crate) fn drain(&self) {
        self.gate.advance(Stage::Draining);
    }

    /// Waits until it accepts no more.
    pub(crate) async fn closed(&mut self) {
        let _ = (&mut self.accepting).await;
    }

    /// Closes its connections that rest.
    pub(crate) fn close(&self) {
        self.gate.advance(Stage::Closing);
    }

    /// Ends in good order, for at most `limit`. How many connections had not ended by then, and were cut.
    pub(crate) async fn end(mut self, limit: Duration) -> usize {
        self.drain();
        let ended = timeout(limit, async {
            self.closed().await;
            let _ = timeout(REST_GRACE, self.gate.empty()).await;
            self.close();
            self.gate.empty().await;
        });
        if ended.await.is_ok() {
            return 0;
        }
        let cut = self.connections();
        self.gate.advance(Stage::Cut);
        cut
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(listener: TcpListener, entrance: Entrance, gate: Arc<Gate>) {
    loop {
        let incoming = tokio::select! {
            biased;
            () = gate.reaches(Stage::Draining) => break,
            incoming = accept(&listener, &entrance.connections) => incoming,
        };
        entrance.deal(incoming, &gate).await;
    }
    // Whoever is already connected is served; closing the socket would reset them.
    let Ok(listener) = listener.into_std() else { return };
    for _ in 0..LAST_ACCEPTED {
        let Ok((stream, peer)) = listener.accept() else { break };
        let Ok(place) = entrance.connections.all.clone().acquire_owned().await else { break };
        let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) else { continue };
        entrance.deal((stream, peer, place), &gate).await;
    }
}

type Incoming = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, connections: &Connections) -> Incoming {
    let place = connections.all.clone().acquire_owned().await.expect("invariant: this semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection, trying again");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

impl Entrance {
    async fn deal(&self, (stream, peer, all): Incoming, gate: &Arc<Gate>) {
        let Some(place) = self.connections.enter(peer.ip(), all) else {
            if let Ok(untold) = self.connections.refusals.take() {
                let client = peer.ip();
                tracing::warn!(%client, untold, "too many connections from this address (limit connections-per-address)");
            }
            return;
        };
        // A connection belongs to the reactor of the core that serves it.
        let Ok(stream) = stream.set_nodelay(true).and_then(|()| stream.into_std()) else { return };
        let (server, tls) = (self.server.clone(), self.tls.clone());
        let (gate, entered) = (gate.clone(), gate.enter());
        self.cores
            .deal(move |core| async move {
                let _inside = (place, entered);
                match TcpStream::from_std(stream) {
                    Ok(stream) => connection::serve(server, Accepted { stream, peer, core, gate }, tls).await,
                    Err(error) => tracing::warn!(%error, "cannot take over a connection"),
                }
            })
            .await;
    }
}
