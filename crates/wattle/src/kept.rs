//! What is kept from one start to the next: state in a data directory, compiled code in a cache.
//!
//! Compiled code is never looked for beside a manifest: whoever gives an app away would give machine code away with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wattle_artifact::folder::Folders;
use wattle_backend::disk::DataDir;
use wattle_host::{CodeCache, HostBuilder, KeptTicks};
use wattle_spec::app::App;
use wattle_spec::backend::EngineSpec;
use wattle_spec::cron::Missed;
use wattle_spec::host_file::backend_of;
use wattle_spec::link::{Link, Provider};
use wattle_spec::policy::Approval;

use crate::app_file::AppFile;
use crate::data_dir;
use crate::engines::{self, Engines};
use crate::policy::approval;
use crate::problem::Problem;

/// Where state is kept, beside the manifest or the component, unless something else was said.
const DATA_DIR: &str = ".wattle";

/// Adds to `host` what `app` needs of it. `chosen` is the data directory of the command line.
pub(crate) fn add_to(
    host: HostBuilder,
    file: &AppFile,
    app: &App,
    chosen: Option<&Path>,
) -> Result<HostBuilder, Problem> {
    add(host, file, app, chosen.or(file.host.data_dir.as_deref()))
}

/// The same for a command: a data directory that somebody chose is left alone unless the command keeps something in it,
/// because others may be using it.
pub(crate) fn add_to_command(
    host: HostBuilder,
    file: &AppFile,
    app: &App,
    chosen: Option<&Path>,
) -> Result<HostBuilder, Problem> {
    match keeps_on_disk(file, app) {
        true => add_to(host, file, app, chosen),
        false => add(host, file, app, None),
    }
}

fn add(host: HostBuilder, file: &AppFile, app: &App, chosen: Option<&Path>) -> Result<HostBuilder, Problem> {
    let directory = directory(file, chosen);
    // It is opened, and taken, if somebody chose it or the app keeps something in it.
    let data = match chosen.is_some() || keeps_on_disk(file, app) {
        true => Some(Arc::new(data_dir::open(&directory)?)),
        false => None,
    };
    with(host, Engines::open(directory, data)?, chosen)
}

fn with(host: HostBuilder, engines: Engines, chosen: Option<&Path>) -> Result<HostBuilder, Problem> {
    let host = match engines.kept() {
        Some(store) => host.tick_book(KeptTicks::new(store)),
        None => host,
    };
    let host = host.choice_book(engines.choice_book()).backend_source(engines);
    Ok(match code_cache(chosen)? {
        Some(cache) => host.code_cache(cache),
        None => host,
    })
}

/// Adds to the host of many apps what it needs of its data directory, which is open. `chosen`: if somebody said where that is.
pub(crate) fn add_to_daemon(
    host: HostBuilder,
    data: Arc<DataDir>,
    chosen: Option<&Path>,
) -> Result<HostBuilder, Problem> {
    let engines = Engines::open(data.path().to_owned(), Some(data))?;
    with(host, engines, chosen)
}

/// The data directory, which need not be there.
fn directory(file: &AppFile, chosen: Option<&Path>) -> PathBuf {
    chosen.map_or_else(|| file.base.join(DATA_DIR), Path::to_path_buf)
}

/// Has `file` find what was recorded of its app. `chosen` is the data directory of the command line.
pub(crate) fn recall(file: &mut AppFile, chosen: Option<&Path>) -> Result<(), Problem> {
    let directory = directory(file, chosen.or(file.host.data_dir.as_deref()));
    file.host.recorded = engines::recorded(&directory, &file.app())?;
    if file.host.policy.approval == Approval::Wider {
        file.approved = Some(approval::Kept::of(&file.app(), directory)?);
    }
    Ok(())
}

/// What was approved of the app of `file`, whether or not the policy wants to know.
pub(crate) fn approved(file: &AppFile, chosen: Option<&Path>) -> Result<approval::Kept, Problem> {
    approval::Kept::of(&file.app(), directory(file, chosen.or(file.host.data_dir.as_deref())))
}

/// A schedule whose missed ticks matter has the last one kept.
fn keeps_on_disk(file: &AppFile, app: &App) -> bool {
    app.crons.iter().any(|trigger| trigger.missed == Missed::Once)
        || app.components.values().flat_map(|component| &component.links).any(|link| is_on_disk(link, file, app))
}

fn is_on_disk(link: &Link, file: &AppFile, app: &App) -> bool {
    let Provider::Backend(name) = &link.provider else { return false };
    backend_of(app, &file.host.backends, name).is_some_and(|backend| backend.engine == EngineSpec::Disk)
}

/// Where this user keeps what can be made or fetched again.
pub(crate) fn caches() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))
}

/// Where this user keeps what a host of many apps must not forget.
pub(crate) fn states() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))
}

/// Where the folders are that were pushed with apps.
pub(crate) fn folders() -> Option<PathBuf> {
    Some(caches()?.join("wattle/folders"))
}

/// The same, to be looked at or cleaned. `None`: there never was one.
pub(crate) fn unpacked_folders() -> Result<Option<Folders>, Problem> {
    let directory = folders().filter(|directory| directory.symlink_metadata().is_ok());
    directory.map(Folders::open).transpose().map_err(Problem::KeptFolders)
}

/// In the data directory that somebody chose, else in the cache of this user. Without one of them, what runs is compiled
/// each time.
fn code_cache(chosen: Option<&Path>) -> Result<Option<CodeCache>, Problem> {
    if let Some(directory) = chosen {
        return Ok(Some(CodeCache::open(directory.join("code"))?));
    }
    let Some(caches) = caches() else { return Ok(None) };
    Ok(CodeCache::open(caches.join("wattle/code"))
        .inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "compiled code is not kept");
        })
        .ok())
}
