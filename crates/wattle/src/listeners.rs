//! Where a host serves while it runs: who asked for each address, and what comes and goes.
//!
//! One change is made after the other. What is added is bound first, then on disk (`added`), then served, then answered.

mod added;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpSocket;
use wattle_backend::disk::DataDir;
use wattle_host::tls::Tls;
use wattle_host::{Host, HostError};
use wattle_spec::control::{ListenerAdded, ListenerOrigin, ListenerRemoved, ListenerStatus, Refusal, RefusalCode};
use wattle_spec::fault::listed;
use wattle_spec::listen::{Listen, Scheme};
use wattle_spec::report::Report;

use self::added::Added;
use crate::problem::Problem;
use crate::report::sentence;
use crate::told::Teller;

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4096;

/// How many listeners can be added.
const ADDED_MAX: usize = 64;

/// Where a host serves.
pub(crate) struct Listeners {
    host: Arc<Host>,
    /// `None`: the host has no certificate.
    tls: Option<Arc<Tls>>,
    /// Who is told what comes and goes.
    tell: Teller,
    known: Mutex<Known>,
    /// Whoever has it changes where the host serves.
    turn: tokio::sync::Mutex<Remembered>,
}

/// What is known of addresses.
#[derive(Default)]
struct Known {
    /// Who asked for those on which the host serves.
    origins: BTreeMap<SocketAddr, ListenerOrigin>,
    /// Those that were added before and could not be had again: what would be spoken there, and why it is not.
    failed: BTreeMap<SocketAddr, (Scheme, String)>,
}

/// What of it is there again when the host is started again.
enum Remembered {
    /// Nothing: the host runs one app.
    Nowhere,
    /// What is on this disk.
    On(Arc<DataDir>, Added),
    /// Nobody knows, for this reason, and nothing is written.
    Unread(Refusal),
}

impl Listeners {
    /// Those of a host that remembers nothing.
    pub(crate) fn new(host: Arc<Host>, tls: Option<Arc<Tls>>, tell: Teller) -> Self {
        Self { host, tls, tell, known: Mutex::default(), turn: Remembered::Nowhere.into() }
    }

    /// The same of a host that remembers in `data` what is added.
    pub(crate) fn remembering(self, data: Arc<DataDir>) -> Self {
        let remembered = match added::read(&data) {
            Ok(added) => Remembered::On(data, added),
            Err(error) => {
                let (hint, told) = (error.hint(), &error as &dyn std::error::Error);
                tracing::error!(error = told, hint, "nobody serves on the listeners that were added");
                Remembered::Unread(unwritten(&error))
            }
        };
        Self { turn: remembered.into(), ..self }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// What is spoken where somebody wants `listen`. `None`: plain HTTP.
    fn tls_for(&self, listen: Listen) -> Result<Option<Arc<Tls>>, Problem> {
        match (listen.scheme, &self.tls) {
            (Some(Scheme::Http), _) | (None, None) => Ok(None),
            (_, Some(tls)) => Ok(Some(tls.clone())),
            (Some(Scheme::Https), None) => Err(Problem::NoCertificate(listen)),
        }
    }

    /// Serves on a `socket`. Where, as a URL.
    ///
    /// # Errors
    ///
    /// If it cannot be used, or somebody wants TLS on it and there is no certificate.
    pub(crate) fn open(
        &self,
        (listen, socket): (Listen, TcpListener),
        origin: ListenerOrigin,
    ) -> Result<String, Problem> {
        let (scheme, address) = match self.tls_for(listen)? {
            None => (Scheme::Http, self.host.listen(socket)?),
            Some(tls) => (Scheme::Https, self.host.listen_tls(socket, tls)?),
        };
        let mut known = self.known();
        known.origins.insert(address, origin);
        known.failed.remove(&address);
        Ok(url(scheme, address))
    }

    /// Serves again on what was added before. Where, as URLs; what cannot be had is told, and shown by `list`.
    pub(crate) async fn restore(&self) -> Vec<String> {
        let turn = self.turn.lock().await;
        let Remembered::On(_, added) = &*turn else { return Vec::new() };
        let mut urls = Vec::new();
        for (&address, &scheme) in added {
            // What has come to be in the host's file serves already.
            if self.known().origins.contains_key(&address) {
                continue;
            }
            let listen = Listen { scheme: Some(scheme), address };
            let socket = bind(address).map_err(|source| Problem::Listen { address, source });
            match socket.and_then(|socket| self.open((listen, socket), ListenerOrigin::Added)) {
                Ok(url) => urls.push(url),
                Err(problem) => {
                    let (hint, error) = (problem.hint(), &problem as &dyn std::error::Error);
                    tracing::error!(error, hint, "nobody serves on {listen}, which was added");
                    self.known().failed.insert(address, (scheme, sentence(&problem)));
                }
            }
        }
        urls
    }

    /// Where the host serves, and where it should.
    pub(crate) fn list(&self) -> Vec<ListenerStatus> {
        let known = self.known();
        let served = self.host.listeners().into_iter().map(|listening| ListenerStatus {
            url: listening.to_string(),
            origin: known.origins.get(&listening.address).copied().unwrap_or(ListenerOrigin::Unknown),
            connections: listening.connections as u64,
            reason: None,
        });
        let failed = known.failed.iter().map(|(&address, (scheme, reason))| ListenerStatus {
            url: url(*scheme, address),
            origin: ListenerOrigin::Added,
            connections: 0,
            reason: Some(reason.clone()),
        });
        served.chain(failed).collect()
    }

    /// Serves on one more address. It is on disk when this returns, if anything is.
    ///
    /// # Errors
    ///
    /// If the host serves there already, or cannot; or if that cannot be written down.
    pub(crate) async fn add(&self, listen: Listen) -> Result<ListenerAdded, Refusal> {
        let mut turn = self.turn.lock().await;
        let is_tls = self.tls_for(listen).map_err(|problem| no_certificate(&problem))?.is_some();
        self.has_room_for(listen)?;
        let unusable = |source| unusable(listen.address, source);
        let socket = bind(listen.address).map_err(unusable)?;
        let address = socket.local_addr().map_err(unusable)?;
        let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
        let remembered = turn.change(|added| added.insert(address, scheme)).await?;
        let listen = Listen { scheme: Some(scheme), address };
        match self.open((listen, socket), ListenerOrigin::Added) {
            Ok(url) => {
                let added = ListenerAdded { url, remembered };
                (self.tell)(Report::ListenerAdded(added.clone()));
                Ok(added)
            }
            Err(problem) => {
                // It is answered that nothing was added, so nothing is remembered.
                turn.change(|added| added.remove(&address)).await?;
                let code = match problem {
                    Problem::Host(HostError::Ending) => RefusalCode::Stopping,
                    _ => RefusalCode::AddressUnusable,
                };
                Err(refused(code, &problem))
            }
        }
    }

    fn has_room_for(&self, listen: Listen) -> Result<(), Refusal> {
        let known = self.known();
        if let Some(origin) = known.origins.get(&listen.address) {
            let message = format!("the host serves on {} already ({origin})", listen.address);
            return Err(Refusal::new(RefusalCode::ListenerExists, message));
        }
        let added = known.origins.values().filter(|origin| **origin == ListenerOrigin::Added).count();
        // One that could not be had may be tried again.
        let others = known.failed.keys().filter(|address| **address != listen.address).count();
        if added + others >= ADDED_MAX {
            let message = format!("{ADDED_MAX} listeners were added already");
            let refusal = Refusal::new(RefusalCode::TooManyListeners, message);
            return Err(refusal.hint("remove one with `wattle listener rm`, or name more in host.toml"));
        }
        Ok(())
    }

    /// Serves on an address no more, and waits until its connections have ended. That it was added is forgotten on disk
    /// before.
    ///
    /// # Errors
    ///
    /// If the host does not serve there, or that cannot be written down.
    pub(crate) async fn remove(&self, listen: Listen) -> Result<ListenerRemoved, Refusal> {
        let address = listen.address;
        let (url, origin, ended) = {
            let mut turn = self.turn.lock().await;
            let (url, origin) = self.find(listen)?;
            if turn.has(&address) || origin == ListenerOrigin::Added {
                turn.change(|added| added.remove(&address)).await?;
            }
            let ended = self.host.unlisten(address);
            let mut known = self.known();
            known.origins.remove(&address);
            // Where nobody served, nobody has to end.
            if known.failed.remove(&address).is_none() && ended.is_none() {
                return Err(Refusal::new(RefusalCode::Stopping, "the host is ending, and serves nowhere any more"));
            }
            (url, origin, ended)
        };
        (self.tell)(Report::ListenerRemoved { url: url.clone(), origin });
        let cut = match ended {
            Some(ended) => {
                let cut = ended.await.cut as u64;
                (self.tell)(Report::ListenerEnded { url: url.clone(), cut });
                cut
            }
            None => 0,
        };
        Ok(ListenerRemoved { url, origin, cut, left: self.host.listeners().len() as u64 })
    }

    /// What `listen` means: where, as a URL, and who asked for it.
    fn find(&self, listen: Listen) -> Result<(String, ListenerOrigin), Refusal> {
        let all = self.list();
        let wanted = listen.address.to_string();
        let is_meant = |status: &&ListenerStatus| match listen.scheme {
            Some(scheme) => status.url == url(scheme, listen.address),
            None => status.url.split_once("://").is_some_and(|(_, address)| address == wanted),
        };
        if let Some(found) = all.iter().find(is_meant) {
            return Ok((found.url.clone(), found.origin));
        }
        let refusal = Refusal::new(RefusalCode::NoSuchListener, format!("the host does not serve on {listen}"));
        Err(match all.is_empty() {
            true => refusal.hint("it serves nowhere"),
            false => refusal.hint(format!("it serves on {}", listed(all.iter().map(|status| &status.url)))),
        })
    }
}

impl Remembered {
    /// Changes what is remembered, on disk first. Whether anything is.
    async fn change<T>(&mut self, change: impl FnOnce(&mut Added) -> T) -> Result<bool, Refusal> {
        match self {
            Self::Nowhere => Ok(false),
            Self::Unread(refusal) => Err(refusal.clone()),
            Self::On(data, added) => {
                let mut changed = added.clone();
                change(&mut changed);
                if changed != *added {
                    added::write(data, &changed).await.map_err(|error| unwritten(&error))?;
                    *added = changed;
                }
                Ok(true)
            }
        }
    }

    /// Whether `address` was added.
    fn has(&self, address: &SocketAddr) -> bool {
        matches!(self, Self::On(_, added) if added.contains_key(address))
    }
}

fn url(scheme: Scheme, address: SocketAddr) -> String {
    format!("{scheme}://{address}")
}

fn refused(code: RefusalCode, problem: &Problem) -> Refusal {
    Refusal { hint: problem.hint(), ..Refusal::new(code, sentence(problem)) }
}

fn no_certificate(problem: &Problem) -> Refusal {
    let refusal = refused(RefusalCode::NoCertificate, problem);
    refusal.hint("start the host with one: `--tls-cert` and `--tls-key`, or [[tls]] in host.toml")
}

fn unusable(address: SocketAddr, source: io::Error) -> Refusal {
    let is_in_use = source.kind() == io::ErrorKind::AddrInUse;
    let refusal = refused(RefusalCode::AddressUnusable, &Problem::Listen { address, source });
    match is_in_use {
        true => refusal.hint("another program listens there; port 0 stands for a free one"),
        false => refusal,
    }
}

fn unwritten(error: &added::AddedError) -> Refusal {
    Refusal { hint: error.hint(), ..Refusal::new(RefusalCode::NotWritten, sentence(error)) }
}

/// A socket on which many may wait at once to be accepted. Must be called within a Tokio runtime.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
