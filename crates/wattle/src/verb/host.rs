//! `wattle host`: a host of many apps, until somebody says stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattle_backend::disk::{DataDir, DataDirError, Migrated};
use wattle_spec::report::Report;

use super::backup;
use super::serving::{self, Serving, tell_end, until_stopped};
use super::stop::Stop;
use crate::app_file::{self, ReadHost};
use crate::cli::{Host, HostKeeping, HostPlace};
use crate::control::Control;
use crate::daemon::{Daemon, Desired, Rouser};
use crate::problem::Problem;
use crate::told::Teller;
use crate::{data_dir, kept};

pub(crate) fn run(arguments: &Host) -> Result<(), Problem> {
    match &arguments.keeping {
        Some(HostKeeping::Backup(arguments)) => return backup::back_up(arguments),
        Some(HostKeeping::Restore(arguments)) => return backup::restore(arguments),
        None => {}
    }
    // Its faults are told now, and not with the first app.
    let spec = arguments.place.config.as_deref().map(app_file::host).transpose()?.unwrap_or_default();
    let own = ReadHost::of(arguments.place.config.as_deref())?;
    let is_chosen = arguments.place.data_dir.is_some() || own.spec.data_dir.is_some();
    let directory = data_dir(&arguments.place, &own)?;
    serving::run(&arguments.serving, &spec, async |serving| serve(own, (&directory, is_chosen), serving).await)
}

/// Has the system give this process memory in small pages, as far as it is used. The allocator asks for large ones, which make
/// fresh instances quicker by some hundredths, and cost a host that does nothing 15 MB and a busy one 45.
fn small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the system does not let us do without huge pages");
    }
}

/// Where what runs is kept: where somebody said, else in this user's state folder, which is made.
pub(super) fn data_dir(place: &HostPlace, own: &ReadHost) -> Result<PathBuf, Problem> {
    if let Some(chosen) = place.data_dir.as_ref().or(own.spec.data_dir.as_ref()) {
        return std::path::absolute(chosen).map_err(|source| Problem::NoPlace { path: chosen.clone(), source });
    }
    let states = kept::states().ok_or(Problem::NoStateDir)?;
    let made = std::fs::create_dir_all(&states);
    made.map_err(|source| Problem::File { operation: "make", path: states.clone(), source })?;
    Ok(states.join("wattle"))
}

async fn serve(own: ReadHost, (directory, is_chosen): (&Path, bool), mut serving: Serving<'_>) -> Result<(), Problem> {
    small_pages();
    let stop = Stop::install()?;
    let data = Arc::new(taken(directory, &serving.tell)?);
    let socket = serving.control_socket().await.transpose().map_err(Problem::ControlSocket)?;
    let doors = serving.doors(socket)?;
    let desired = Desired::open(data.clone())?;
    let rouser = Arc::new(Rouser::default());
    let builder = serving.host(doors.is_some()).waker(rouser.clone());
    let builder = kept::add_to_daemon(builder, data.clone(), is_chosen.then_some(directory))?;
    let host = Arc::new(builder.build()?);
    let daemon = Arc::new(Daemon::new(host.clone(), own, desired, serving.tell.clone()));
    rouser.serve(&daemon);
    let listeners = Arc::new(serving.listeners(&host).remembering(data));
    let served = serving.served(&host, &listeners).remembering(daemon.clone());
    // Before anybody can ask for something else.
    let wanted = daemon.remember()?;
    let control = doors.map(|doors| Control::start(doors, served));
    let ended = async {
        serving.watch(&host)?;
        serving.listen(&listeners).await?;
        let restored = async {
            daemon.restore(wanted).await;
            std::future::pending::<Result<(), Problem>>().await
        };
        tokio::select! {
            ended = until_stopped(&host, stop, &serving.ending) => ended,
            never = restored => never,
        }
    };
    let ended = ended.await;
    tell_end(&serving.ending, &ended);
    match (control, &ended) {
        // The process ends at once.
        (_, Err(Problem::Interrupted)) | (None, _) => {}
        (Some(control), _) => control.end().await,
    }
    ended
}

/// The data directory. If it was of an older release, what became of it is told.
fn taken(directory: &Path, tell: &Teller) -> Result<DataDir, DataDirError> {
    let data = data_dir::open(directory)?;
    if let Some(Migrated { from, to, backup }) = data.migrated() {
        tell(Report::Migrated { from: *from, to: *to, backup: backup.display().to_string() });
    }
    Ok(data)
}
