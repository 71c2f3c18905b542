//! `wattle host`: a host of many apps, until somebody says stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattle_backend::disk::DataDir;

use super::serving::{self, Serving, until_stopped};
use super::stop::Stop;
use crate::app_file::{self, ReadHost};
use crate::cli::Host;
use crate::control::{Control, Served};
use crate::daemon::{Daemon, Desired};
use crate::kept;
use crate::problem::Problem;

pub(crate) fn run(arguments: &Host) -> Result<(), Problem> {
    // Its faults are told now, and not with the first app.
    let spec = arguments.config.as_deref().map(app_file::host).transpose()?.unwrap_or_default();
    let own = ReadHost::of(arguments.config.as_deref())?;
    let is_chosen = arguments.data_dir.is_some() || own.spec.data_dir.is_some();
    let directory = data_dir(arguments, &own)?;
    serving::run(&arguments.serving, &spec, async |serving| serve(own, (&directory, is_chosen), serving).await)
}

/// Where what runs is kept: where somebody said, else in this user's state folder, which is made.
fn data_dir(arguments: &Host, own: &ReadHost) -> Result<PathBuf, Problem> {
    if let Some(chosen) = arguments.data_dir.as_ref().or(own.spec.data_dir.as_ref()) {
        return std::path::absolute(chosen).map_err(|source| Problem::NoPlace { path: chosen.clone(), source });
    }
    let states = kept::states().ok_or(Problem::NoStateDir)?;
    let made = std::fs::create_dir_all(&states);
    made.map_err(|source| Problem::File { operation: "make", path: states.clone(), source })?;
    Ok(states.join("wattle"))
}

async fn serve(own: ReadHost, (directory, is_chosen): (&Path, bool), mut serving: Serving<'_>) -> Result<(), Problem> {
    let mut stop = Stop::install()?;
    let data = Arc::new(DataDir::open(directory)?);
    let control = serving.control_socket().await.transpose().map_err(Problem::ControlSocket)?;
    let desired = Desired::open(data.clone())?;
    let builder = kept::add_to_daemon(serving.host(control.is_some()), data, is_chosen.then_some(directory))?;
    let host = Arc::new(builder.build()?);
    let daemon = Arc::new(Daemon::new(host.clone(), own, desired, serving.tell.clone()));
    let served = Served::new(host.clone(), serving.ring.clone(), serving.events.clone());
    let served = served.remembering(daemon.clone());
    // Before anybody can ask for something else.
    let wanted = daemon.remember()?;
    let control = control.map(|socket| Control::start(socket, served));
    let ended = async {
        serving.watch(&host)?;
        tokio::select! {
            () = daemon.restore(wanted) => {}
            _ = stop.asked() => return if host.drain().await { Ok(()) } else { Err(Problem::Cut) },
        }
        serving.listen(&host)?;
        until_stopped(&host, stop).await
    };
    let ended = ended.await;
    match (control, &ended) {
        // The process ends at once.
        (_, Err(Problem::Interrupted)) | (None, _) => {}
        (Some(control), _) => control.end().await,
    }
    ended
}
