//! Where somebody can ask: the socket of this user, and an address for other machines.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use super::guard::Guard;
use super::peers::{Peer, Peers};
use super::place::Place;
use super::wire::{self, Wire};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// All the doors of a host.
pub(crate) struct Doors {
    /// The file of a socket is removed with this.
    pub(super) place: Option<Place>,
    pub(super) all: Vec<Door>,
}

/// One way in.
pub(super) enum Door {
    /// For this user, on this machine.
    Own(UnixListener),
    /// For those whom the guard lets in.
    Elsewhere(TcpListener, Arc<Guard>, Peers),
}

/// Somebody who has come, and has shown nothing yet.
pub(super) enum Knock {
    Own(UnixStream),
    Elsewhere(TcpStream, Arc<Guard>, Peer),
}

/// Who came by a door for other machines.
pub(super) struct Caller {
    pub(super) guard: Arc<Guard>,
    pub(super) peer: Peer,
}

impl Doors {
    /// `None`: there are none.
    pub(crate) fn new(own: Option<(Place, UnixListener)>, elsewhere: Option<(TcpListener, Guard)>) -> Option<Self> {
        let (place, own) = own.unzip();
        let elsewhere = elsewhere.map(|(listener, guard)| Door::Elsewhere(listener, Arc::new(guard), Peers::default()));
        let all: Vec<_> = own.map(Door::Own).into_iter().chain(elsewhere).collect();
        (!all.is_empty()).then_some(Self { place, all })
    }
}

impl Door {
    /// Waits for somebody. `None`: it is nobody who is listened to.
    pub(super) async fn accept(&self) -> io::Result<Option<Knock>> {
        match self {
            Self::Own(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(is_trusted(&stream).then_some(Knock::Own(stream)))
            }
            Self::Elsewhere(listener, guard, peers) => {
                let (stream, address) = listener.accept().await?;
                wire::watch(&stream);
                let Some(peer) = peers.enter(address.ip()) else {
                    tracing::debug!(client = %address.ip(), "too many connections of the control protocol come from there");
                    return Ok(None);
                };
                Ok(Some(Knock::Elsewhere(stream, guard.clone(), peer)))
            }
        }
    }
}

impl Knock {
    /// Speaks as is spoken at this door. `None`: whoever came does not.
    pub(super) async fn open(self) -> Option<(Box<dyn Wire>, Option<Caller>)> {
        match self {
            Self::Own(stream) => Some((Box::new(stream), None)),
            Self::Elsewhere(stream, guard, peer) => match timeout(HANDSHAKE, guard.tls.accept(stream)).await {
                Ok(Ok(stream)) => Some((Box::new(stream), Some(Caller { guard, peer }))),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "somebody came to the control protocol who does not speak TLS as we do");
                    None
                }
                Err(_) => {
                    tracing::debug!("a handshake of the control protocol took too long");
                    None
                }
            },
        }
    }
}

/// Whether it is our own user, or root, who asks.
fn is_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => true,
        Ok(peer) => {
            tracing::warn!(user = peer.uid(), "another user is not answered on the control socket");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "nobody knows who asks on the control socket");
            false
        }
    }
}
