//! What `up` and `host` have in common: the addresses that are taken, whom the host tells of itself, and how it ends.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::UnixListener;
use wattle_host::tls::Tls;
use wattle_host::{Host, HostBuilder};
use wattle_spec::control::{Event, ListenerOrigin, LogLine};
use wattle_spec::host_file::{ControlSpec, HostSpec};
use wattle_spec::listen::{CertificatePaths, Listen, Scheme};
use wattle_spec::telemetry::TelemetrySpec;

use super::print;
use super::stop::{self, Stop};
use crate::certificate_files::CertificateFiles;
use crate::child_compiler::ChildCompiler;
use crate::cli::{self, ControlPlace};
use crate::control::{Doors, Guard, Place, Served, SocketError};
use crate::ending::Ending;
use crate::listeners::{self, Listeners};
use crate::problem::{Problem, Purpose};
use crate::ring::Ring;
use crate::told::Teller;
use crate::{descriptors, log, report, told};

/// What a host is given beside what it runs.
pub(super) struct Serving<'a> {
    arguments: &'a cli::Serving,
    spec: &'a HostSpec,
    sockets: Vec<Socket>,
    /// `None`: there is no certificate.
    tls: Option<Arc<Tls>>,
    /// `None`: nobody watches.
    admin: Option<TcpListener>,
    /// `None`: nobody asks from another machine.
    elsewhere: Option<(TcpListener, Guard)>,
    telemetry: TelemetrySpec,
    /// The last lines of the log.
    pub(super) ring: Arc<Ring<LogLine>>,
    /// The last that the host reported.
    pub(super) events: Arc<Ring<Event>>,
    /// Who is told what happens.
    pub(super) tell: Teller,
    /// How it is asked to end by an action.
    pub(super) ending: Arc<Ending>,
}

/// A socket to serve on, and who asked for it.
struct Socket {
    listen: Listen,
    listener: TcpListener,
    origin: ListenerOrigin,
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
    let (sockets, admin, control) = {
        let _runtime = runtime.enter();
        (
            bind(arguments, spec)?,
            bind_at(arguments.admin.or(spec.admin), Purpose::Admin)?,
            bind_at(spec.control.as_ref().map(|control| control.listen), Purpose::Control)?,
        )
    };
    let paths = certificate_paths(arguments, spec);
    let certificates = (!paths.is_empty()).then(|| CertificateFiles::open(paths, Tls::new)).transpose()?;
    let elsewhere = guarded(control, spec.control.as_ref())?;
    let (elsewhere, own_certificate) = elsewhere.map(|Elsewhere { door, files }| (door, files)).unzip();
    let tls = certificates.as_ref().map(|certificates| certificates.tls.clone());
    if tls.is_none() {
        have_no_tls(&sockets)?;
    }
    let ring = Arc::new(Ring::default());
    let log = log::start(
        arguments.log_format,
        "info",
        (wants_control(arguments) || elsewhere.is_some()).then(|| ring.clone()),
    );
    let events = Arc::new(Ring::default());
    let tell = told::teller(events.clone());
    let ending = Arc::new(Ending::default());
    let serving = Serving { arguments, spec, sockets, tls, admin, elsewhere, telemetry, ring, events, tell, ending };
    let served = runtime.block_on(async {
        tokio::select! {
            served = serve(serving) => served,
            () = follow(certificates) => Ok(()),
            () = follow(own_certificate) => Ok(()),
        }
    });
    if let Err(problem @ (Problem::Cut(_) | Problem::Interrupted)) = &served {
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
            .limits(descriptors::within(spec.limits))
            .compiler(ChildCompiler)
            .backends(spec.backends.clone())
            .name_servers(spec.name_servers.clone())
            .reports({
                let tell = self.tell.clone();
                move |report| tell(report)
            })
    }

    /// Where somebody can ask, with the socket of this user as `own`. `None`: nobody can.
    pub(super) fn doors(&mut self, own: Option<(Place, UnixListener)>) -> Result<Option<Doors>, Problem> {
        let elsewhere = self.elsewhere.take().map(|(listener, guard)| {
            let (address, listener) = (listener.local_addr()?, tokio::net::TcpListener::from_std(listener)?);
            tracing::info!(%address, "whoever has the token can ask from other machines");
            Ok((listener, guard))
        });
        let unusable = |source| Problem::System { operation: "listen for the control protocol", source };
        Ok(Doors::new(own, elsewhere.transpose().map_err(unusable)?))
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

    /// Where `host` will serve.
    pub(super) fn listeners(&self, host: &Arc<Host>) -> Listeners {
        Listeners::new(host.clone(), self.tls.clone(), self.tell.clone())
    }

    /// What is asked about `host`, which serves on `listeners`.
    pub(super) fn served(&self, host: &Arc<Host>, listeners: &Arc<Listeners>) -> Served {
        let said = (self.ring.clone(), self.events.clone());
        Served::new(host.clone(), listeners.clone(), self.ending.clone(), said)
    }

    /// Serves on the addresses, and prints them, with those that were added before.
    pub(super) async fn listen(&mut self, listeners: &Listeners) -> Result<(), Problem> {
        let mut urls = Vec::new();
        for Socket { listen, listener, origin } in std::mem::take(&mut self.sockets) {
            urls.push(listeners.open((listen, listener), origin)?);
        }
        urls.extend(listeners.restore().await);
        print(&urls.iter().map(|url| format!("{url}\n")).collect::<String>())
    }
}

/// Waits until somebody says stop, by a signal or an action, and ends `host` in good order.
pub(super) async fn until_stopped(host: &Host, mut stop: Stop, ending: &Ending) -> Result<(), Problem> {
    let by_signal = tokio::select! {
        _ = stop.asked() => true,
        () = ending.asked() => false,
    };
    tracing::info!("stopping: requests under way may end, a second signal ends at once");
    let hurry = async {
        // Whoever ends a process that drains already says that for the first time.
        if !by_signal {
            stop.asked().await;
            tracing::info!("it is ending already, one more signal ends it at once");
        }
        stop.asked().await;
    };
    tokio::select! {
        ended = host.drain() => ended.map_err(Problem::Cut),
        () = hurry => Err(Problem::Interrupted),
    }
}

/// Tells whoever asked for the end how it was.
pub(super) fn tell_end(ending: &Ending, ended: &Result<(), Problem>) {
    ending.tell(match ended {
        Err(Problem::Cut(cut)) => Some(*cut),
        _ => None,
    });
}

fn wants_control(arguments: &cli::Serving) -> bool {
    arguments.control != Some(ControlPlace::Nowhere)
}

/// Takes the addresses before anything else is done, so that a port in use is known at once. Sockets that this process was
/// started with (socket activation) come before those that the command line asks for, and in the place of all others.
fn bind(arguments: &cli::Serving, spec: &HostSpec) -> Result<Vec<Socket>, Problem> {
    let mut sockets = passed()?;
    let (asked, origin) = match arguments.listen.is_empty() && sockets.is_empty() {
        true if spec.listen == HostSpec::default().listen => (&spec.listen, ListenerOrigin::Default),
        true => (&spec.listen, ListenerOrigin::HostFile),
        false => (&arguments.listen, ListenerOrigin::CommandLine),
    };
    // Port 0 is another one each time.
    let is_taken = |(index, listen): &(usize, &Listen)| {
        listen.address.port() != 0 && asked[..*index].iter().any(|earlier| earlier.address == listen.address)
    };
    if let Some((_, listen)) = asked.iter().enumerate().find(is_taken) {
        return Err(Problem::ListenTwice(listen.address));
    }
    for &listen in asked {
        let bound = listeners::bind(listen.address);
        let listener = bound.map_err(|source| Problem::Listen { address: listen.address, source })?;
        sockets.push(Socket { listen, listener, origin });
    }
    Ok(sockets)
}

/// The sockets that this process was started with: `LISTEN_FDS` and `LISTEN_PID`, as systemd has them
/// ([source](https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html)).
fn passed() -> Result<Vec<Socket>, Problem> {
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for at in 0..passed.len() {
        let unfit = |source| Problem::PassedSocket { number: at + 1, source };
        let Some(listener) = passed.take_tcp_listener(at).map_err(unfit)? else { continue };
        let address = listener.local_addr().map_err(unfit)?;
        let listen = Listen { scheme: None, address };
        sockets.push(Socket { listen, listener, origin: ListenerOrigin::SocketActivation });
    }
    Ok(sockets)
}

/// Another address, if there is to be one.
fn bind_at(address: Option<SocketAddr>, what: Purpose) -> Result<Option<TcpListener>, Problem> {
    let Some(address) = address else { return Ok(None) };
    listeners::bind(address).map(Some).map_err(|source| Problem::ListenFor { what, address, source })
}

/// How other machines ask: at a socket that is guarded, with a certificate from files.
struct Elsewhere {
    door: (TcpListener, Guard),
    files: CertificateFiles,
}

fn guarded(socket: Option<TcpListener>, spec: Option<&ControlSpec>) -> Result<Option<Elsewhere>, Problem> {
    let (Some(socket), Some(spec)) = (socket, spec) else { return Ok(None) };
    let http1 = |certificates| Tls::new(certificates).http1();
    let files = CertificateFiles::open(vec![spec.certificate.clone()], http1)?;
    let guard = Guard::new(files.tls.clone(), &spec.token_file).map_err(Problem::Token)?;
    Ok(Some(Elsewhere { door: (socket, guard), files }))
}

/// Serves what the files hold, for ever.
async fn follow(files: Option<CertificateFiles>) {
    match files {
        Some(files) => files.follow().await,
        None => std::future::pending().await,
    }
}

/// The certificates of the command line, or else of the host's file.
fn certificate_paths(arguments: &cli::Serving, spec: &HostSpec) -> Vec<CertificatePaths> {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(cert), Some(key)) => vec![CertificatePaths::new(cert, key)],
        _ => spec.tls.clone(),
    }
}

/// Whether nobody wants TLS on one of them, where there is no certificate.
fn have_no_tls(sockets: &[Socket]) -> Result<(), Problem> {
    match sockets.iter().find(|socket| socket.listen.scheme == Some(Scheme::Https)) {
        Some(socket) => Err(Problem::NoCertificate(socket.listen)),
        None => Ok(()),
    }
}
