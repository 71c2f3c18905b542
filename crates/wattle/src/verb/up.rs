//! `wattle up`: an app in the foreground, until somebody says stop.

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;
use wattle_host::Host;
use wattle_spec::app::App;

use super::print;
use super::stop::{self, Stop};
use crate::app_file::AppFile;
use crate::child_compiler::ChildCompiler;
use crate::cli::Up;
use crate::problem::Problem;
use crate::{kept, log, report};

/// Connections that wait to be accepted, as far as the system allows.
const BACKLOG: u32 = 4096;

pub(crate) fn run(arguments: Up) -> Result<(), Problem> {
    let file = AppFile::read(&arguments.what)?;
    let mut app = file.resolve()?;
    for component in app.components.values_mut() {
        component.env.extend(arguments.env.iter().cloned());
    }
    let runtime = stop::runtime()?;
    let listeners = {
        let _runtime = runtime.enter();
        bind(&arguments, &file)?
    };
    let log = log::start(arguments.log_format, "info");
    let served = runtime.block_on(serve(&arguments, &file, &app, listeners));
    if let Err(problem @ (Problem::Cut | Problem::Interrupted)) = &served {
        // What did not end by itself might hold up an end in good order for ever.
        drop(log);
        report::problem(problem);
        std::process::exit(i32::from(problem.exit_code() as u8));
    }
    served
}

async fn serve(arguments: &Up, file: &AppFile, app: &App, listeners: Vec<TcpListener>) -> Result<(), Problem> {
    let mut stop = Stop::install()?;
    let host = Host::builder()
        .limits(file.host.limits)
        .compiler(ChildCompiler)
        .backends(file.host.backends.clone())
        .name_servers(file.host.name_servers.clone());
    let host = kept::add_to(host, file, app, arguments.data_dir.as_deref())?.build()?;
    tokio::select! {
        started = host.start(app, &file.bytes) => started?,
        _ = stop.asked() => return Ok(()),
    }
    let mut addresses = Vec::new();
    for listener in listeners {
        addresses.push(host.listen(listener)?);
    }
    print(&urls(&addresses))?;
    stop.asked().await;
    tracing::info!("stopping: requests under way may end, a second signal ends at once");
    tokio::select! {
        ended = host.drain() => if ended { Ok(()) } else { Err(Problem::Cut) },
        _ = stop.asked() => Err(Problem::Interrupted),
    }
}

/// Takes the addresses before anything else is done, so that a port in use is known at once.
fn bind(arguments: &Up, file: &AppFile) -> Result<Vec<TcpListener>, Problem> {
    let asked = if arguments.listen.is_empty() { &file.host.listen } else { &arguments.listen };
    // Port 0 is another one each time.
    let twice =
        asked.iter().enumerate().find(|(index, address)| address.port() != 0 && asked[..*index].contains(address));
    if let Some((_, address)) = twice {
        return Err(Problem::ListenTwice(*address));
    }
    let bind = |address: &SocketAddr| listen(*address).map_err(|source| Problem::Listen { address: *address, source });
    asked.iter().map(bind).collect()
}

/// A socket on which many may wait at once to be accepted.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

fn urls(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| format!("http://{address}\n")).collect()
}
