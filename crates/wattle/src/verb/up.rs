//! `wattle up`: an app in the foreground, until somebody says stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::net::{TcpSocket, UnixListener};
use wattle_host::Host;
use wattle_host::tls::Tls;
use wattle_spec::app::App;
use wattle_spec::listen::{CertificatePaths, Listen, Scheme};
use wattle_spec::manifest::Pull;
use wattle_spec::telemetry::TelemetrySpec;

use super::print;
use super::stop::{self, Stop};
use crate::app_file::AppFile;
use crate::artifacts::Asking;
use crate::certificate_files::CertificateFiles;
use crate::child_compiler::ChildCompiler;
use crate::cli::{ControlPlace, Up};
use crate::control::{Control, Place, Served};
use crate::log::ring::Ring;
use crate::problem::Problem;
use crate::{kept, log, report, told};

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4096;

pub(crate) fn run(arguments: Up) -> Result<(), Problem> {
    let pull = if arguments.offline { Some(Pull::Never) } else { arguments.pull };
    let asking = match arguments.locked {
        true => Asking::Locked { pull },
        false => Asking::Registries { pull },
    };
    let mut file = AppFile::read(&arguments.what, asking)?;
    kept::recall(&mut file, arguments.data_dir.as_deref())?;
    let mut app = file.resolve()?;
    file.keep_lock();
    let telemetry = file.host.telemetry.clone();
    let telemetry = telemetry.in_environment(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))?;
    for component in app.components.values_mut() {
        component.env.extend(arguments.env.iter().cloned());
    }
    let runtime = stop::runtime()?;
    let (listeners, admin) = {
        let _runtime = runtime.enter();
        (bind(&arguments, &file)?, bind_admin(&arguments, &file)?)
    };
    let certificates = CertificateFiles::open(certificate_paths(&arguments, &file))?;
    let sockets = sockets(listeners, certificates.as_ref())?;
    let ring = Arc::new(Ring::default());
    let log = log::start(arguments.log_format, "info", wants_control(&arguments).then(|| ring.clone()));
    let served = runtime.block_on(async {
        let follow = async {
            match certificates {
                Some(certificates) => certificates.follow().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serve(&arguments, &file, &app, Serving { sockets, admin, telemetry, ring }) => served,
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

async fn serve(arguments: &Up, file: &AppFile, app: &App, serving: Serving) -> Result<(), Problem> {
    let stop = Stop::install()?;
    let control = open_control(arguments).await?;
    let mut builder = Host::builder();
    if arguments.access_log || file.host.access_log {
        builder = builder.access_log();
    }
    if serving.admin.is_some() || control.is_some() {
        builder = builder.metrics();
    }
    let host = builder
        .telemetry(serving.telemetry.clone())
        .trusted_proxies(file.host.trusted_proxies.clone())
        .limits(file.host.limits)
        .compiler(ChildCompiler)
        .backends(file.host.backends.clone())
        .name_servers(file.host.name_servers.clone())
        .reports(told::to_the_log());
    let host = Arc::new(kept::add_to(host, file, app, arguments.data_dir.as_deref())?.build()?);
    told::defaults::log(&app.id, &file.explain()?);
    let served = Served::new(host.clone(), serving.ring.clone());
    let control = control.map(|socket| Control::start(socket, served));
    let ended = serve_app(&host, file, app, serving, stop).await;
    match (control, &ended) {
        // The process ends at once.
        (_, Err(Problem::Interrupted)) | (None, _) => {}
        (Some(control), _) => control.end().await,
    }
    ended
}

/// Runs the app on `host` until somebody says stop.
async fn serve_app(host: &Host, file: &AppFile, app: &App, serving: Serving, mut stop: Stop) -> Result<(), Problem> {
    if let Some(listener) = serving.admin {
        let address = host.listen_admin(listener)?;
        tracing::info!(%address, "health, readiness and metrics are told here");
    }
    tokio::select! {
        started = host.start(app, &file.bytes) => started?,
        _ = stop.asked() => return Ok(()),
    }
    file.runs(app)?;
    let mut urls = String::new();
    for Socket { listener, tls } in serving.sockets {
        let (scheme, address) = match tls {
            None => (Scheme::Http, host.listen(listener)?),
            Some(tls) => (Scheme::Https, host.listen_tls(listener, tls)?),
        };
        urls.push_str(&format!("{scheme}://{address}\n"));
    }
    print(&urls)?;
    stop.asked().await;
    tracing::info!("stopping: requests under way may end, a second signal ends at once");
    tokio::select! {
        ended = host.drain() => if ended { Ok(()) } else { Err(Problem::Cut) },
        _ = stop.asked() => Err(Problem::Interrupted),
    }
}

/// What a host is given beside its app.
struct Serving {
    sockets: Vec<Socket>,
    /// `None`: nobody watches.
    admin: Option<TcpListener>,
    telemetry: TelemetrySpec,
    /// The last lines of the log.
    ring: Arc<Ring>,
}

fn wants_control(arguments: &Up) -> bool {
    arguments.control != Some(ControlPlace::Nowhere)
}

/// The control socket. That there is none is only a failure if somebody asked for it.
async fn open_control(arguments: &Up) -> Result<Option<(Place, UnixListener)>, Problem> {
    match &arguments.control {
        Some(ControlPlace::Nowhere) => Ok(None),
        Some(ControlPlace::At(path)) => Place::at(path).await.map(Some).map_err(Problem::ControlSocket),
        None => Ok(Place::own()
            .await
            .inspect_err(|error| {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "there is no control socket: `wattle ps` and others will not find this host");
            })
            .ok()),
    }
}

/// A socket to serve on. `tls`: `None` for plain HTTP.
struct Socket {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// Takes the addresses before anything else is done, so that a port in use is known at once.
fn bind(arguments: &Up, file: &AppFile) -> Result<Vec<(Listen, TcpListener)>, Problem> {
    let asked = if arguments.listen.is_empty() { &file.host.listen } else { &arguments.listen };
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
    asked.iter().map(bind).collect()
}

/// The address for whoever watches the host, if there is one.
fn bind_admin(arguments: &Up, file: &AppFile) -> Result<Option<TcpListener>, Problem> {
    let Some(address) = arguments.admin.or(file.host.admin) else { return Ok(None) };
    listen(address).map(Some).map_err(|source| Problem::Listen { address, source })
}

/// The certificates of the command line, or else of the host's file.
fn certificate_paths(arguments: &Up, file: &AppFile) -> Vec<CertificatePaths> {
    match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(cert), Some(key)) => vec![CertificatePaths::new(cert, key)],
        _ => file.host.tls.clone(),
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
