//! What `up` and `host` have in common: the addresses that are taken, whom the host tells of itself, and how it ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::{TcpSocket, UnixListener};
use wattle_host::tls::Tls;
use wattle_host::{Host, HostBuilder};
use wattle_spec::control::{Event, LogLine};
use wattle_spec::host_file::HostSpec;
use wattle_spec::listen::{CertificatePaths, Listen, Scheme};
use wattle_spec::telemetry::TelemetrySpec;

use super::print;
use super::stop::{self, Stop};
use crate::certificate_files::CertificateFiles;
use crate::child_compiler::ChildCompiler;
use crate::cli::{self, ControlPlace};
use crate::control::{Place, SocketError};
use crate::problem::Problem;
use crate::ring::Ring;
use crate::told::Teller;
use crate::{log, report, told};

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4096;

/// What a host is given beside what it runs.
pub(super) struct Serving<'a> {
    arguments: &'a cli::Serving,
    spec: &'a HostSpec,
    sockets: Vec<Socket>,
    /// `None`: nobody watches.
    admin: Option<TcpListener>,
    telemetry: TelemetrySpec,
    /// The last lines of the log.
    pub(super) ring: Arc<Ring<LogLine>>,
    /// The last that the host reported.
    pub(super) events: Arc<Ring<Event>>,
    /// Who is told what happens.
    pub(super) tell: Teller,
}

/// A socket to serve on. `tls`: `None` for plain HTTP.
struct Socket {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// Takes the addresses, begins the log, and has `serve` serve until it ends.
pub(super) fn run(
    arguments: &cli::Serving,
    spec: &HostSpec,
    serve: impl AsyncFnOnce(Serving<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let telemetry = spec.telemetry.clone();
    let telemetry = telemetry.in_environment(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))?;
    let runtime = stop::runtime()?;
    let (listeners, admin) = {
        let _runtime = runtime.enter();
        (bind(arguments, spec)?, bind_admin(arguments, spec)?)
    };
    let certificates = CertificateFiles::open(certificate_paths(arguments, spec))?;
    let sockets = sockets(listeners, certificates.as_ref())?;
    let ring = Arc::new(Ring::default());
    let log = log::start(arguments.log_format, "info", wants_control(arguments).then(|| ring.clone()));
    let events = Arc::new(Ring::default());
    let tell = told::teller(events.clone());
    let serving = Serving { arguments, spec, sockets, admin, telemetry, ring, events, tell };
    let served = runtime.block_on(async {
        let follow = async {
            match certificates {
                Some(certificates) => certificates.follow().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serve(serving) => served,
            () = follow => Ok(()),
        }
    });
    if let Err(problem @ (Problem::Cut | Problem::Interrupted)) = &served {
        // What did not end by itself might hold up an end in good order for ever.
        drop(log);
        report::problem(problem);
        std::process::exit(i32::from(problem.exit_code() as u8));
    }
    served
}

impl Serving<'_> {
    /// A host as its file and the command line say, which knows of no data yet.
    pub(super) fn host(&self, has_control: bool) -> HostBuilder {
        let Self { arguments, spec, .. } = self;
        let mut builder = Host::builder();
        if arguments.access_log || spec.access_log {
            builder = builder.access_log();
        }
        if self.admin.is_some() || has_control {
            builder = builder.metrics();
        }
        builder
            .telemetry(self.telemetry.clone())
            .trusted_proxies(spec.trusted_proxies.clone())
            .limits(spec.limits)
            .compiler(ChildCompiler)
            .backends(spec.backends.clone())
            .name_servers(spec.name_servers.clone())
            .reports({
                let tell = self.tell.clone();
                move |report| tell(report)
            })
    }

    /// The control socket, and why there is none if somebody wants one.
    pub(super) async fn control_socket(&self) -> Option<Result<(Place, UnixListener), SocketError>> {
        match &self.arguments.control {
            Some(ControlPlace::Nowhere) => None,
            Some(ControlPlace::At(path)) => Some(Place::at(path).await),
            None => Some(Place::own().await),
        }
    }

    /// Whether somebody said where the control socket is to be.
    pub(super) fn names_control_socket(&self) -> bool {
        matches!(self.arguments.control, Some(ControlPlace::At(_)))
    }

    /// Tells whoever watches.
    pub(super) fn watch(&mut self, host: &Host) -> Result<(), Problem> {
        if let Some(listener) = self.admin.take() {
            let address = host.listen_admin(listener)?;
            tracing::info!(%address, "health, readiness and metrics are told here");
        }
        Ok(())
    }

    /// Serves on the addresses, and prints them.
    pub(super) fn listen(&mut self, host: &Host) -> Result<(), Problem> {
        let mut urls = String::new();
        for Socket { listener, tls } in std::mem::take(&mut self.sockets) {
            let (scheme, address) = match tls {
                None => (Scheme::Http, host.listen(listener)?),
                Some(tls) => (Scheme::Https, host.listen_tls(listener, tls)?),
            };
            urls.push_str(&format!("{scheme}://{address}\n"));
        }
        print(&urls)
    }
}

/// Waits until somebody says stop, and ends `host` in good order.
pub(super) async fn until_stopped(host: &Host, mut stop: Stop) -> Result<(), Problem> {
    stop.asked().await;
    tracing::info!("stopping: requests under way may end, a second signal ends at once");
    tokio::select! {
        ended = host.drain() => if ended { Ok(()) } else { Err(Problem::Cut) },
        _ = stop.asked() => Err(Problem::Interrupted),
    }
}

fn wants_control(arguments: &cli::Serving) -> bool {
    arguments.control != Some(ControlPlace::Nowhere)
}

/// Takes the addresses before anything else is done, so that a port in use is known at once. Sockets that this process was
/// started with (socket activation) come before those that the command line asks for, and in the place of all others.
fn bind(arguments: &cli::Serving, spec: &HostSpec) -> Result<Vec<(Listen, TcpListener)>, Problem> {
    let mut listeners = passed()?;
    let asked = if arguments.listen.is_empty() && listeners.is_empty() { &spec.listen } else { &arguments.listen };
    // Port 0 is another one each time.
    let is_taken = |(index, listen): &(usize, &Listen)| {
        listen.address.port() != 0 && asked[..*index].iter().any(|earlier| earlier.address == listen.address)
    };
    if let Some((_, listen)) = asked.iter().enumerate().find(is_taken) {
        return Err(Problem::ListenTwice(listen.address));
    }
    let bind = |asked: &Listen| match listen(asked.address) {
        Ok(listener) => Ok((*asked, listener)),
        Err(source) => Err(Problem::Listen { address: asked.address, source }),
    };
    for asked in asked {
        listeners.push(bind(asked)?);
    }
    Ok(listeners)
}

/// The sockets that this process was started with: `LISTEN_FDS` and `LISTEN_PID`, as systemd has them
/// ([source](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html)).
fn passed() -> Result<Vec<(Listen, TcpListener)>, Problem> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for at in 0..passed.len() {
        let unfit = |source| Problem::PassedSocket { number: at + 1, source };
        let Some(listener) = passed.take_tcp_listener(at).map_err(unfit)? else { continue };
        let address = listener.local_addr().map_err(unfit)?;
        listeners.push((Listen { scheme: None, address }, listener));
    }
    Ok(listeners)
}

/// The address for whoever watches the host, if there is one.
fn bind_admin(arguments: &cli::Serving, spec: &HostSpec) -> Result<Option<TcpListener>, Problem> {
    let Some(address) = arguments.admin.or(spec.admin) else { return Ok(None) };
    listen(address).map(Some).map_err(|source| Problem::Listen { address, source })
}

/// The certificates of the command line, or else of the host's file.
fn certificate_paths(arguments: &cli::Serving, spec: &HostSpec) -> Vec<CertificatePaths> {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(cert), Some(key)) => vec![CertificatePaths::new(cert, key)],
        _ => spec.tls.clone(),
    }
}

/// Says for each listener what is spoken there.
fn sockets(
    listeners: Vec<(Listen, TcpListener)>,
    certificates: Option<&CertificateFiles>,
) -> Result<Vec<Socket>, Problem> {
    let tls = certificates.map(|certificates| &certificates.tls);
    let socket = |(listen, listener): (Listen, TcpListener)| match (listen.scheme, tls) {
        (Some(Scheme::Http), _) | (None, None) => Ok(Socket { listener, tls: None }),
        (_, Some(tls)) => Ok(Socket { listener, tls: Some(tls.clone()) }),
        (Some(Scheme::Https), None) => Err(Problem::NoCertificate(listen)),
    };
    listeners.into_iter().map(socket).collect()
}

/// A socket on which many may wait at once to be accepted.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
