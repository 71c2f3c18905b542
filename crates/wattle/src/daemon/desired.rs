//! What a host should run, on its disk: a file for each app, and the bytes of components and folders by their digests.
//!
//! ```text
//! data/
//!   apps/<namespace>.<name>.json   what is to run, and the generations that are kept
//!   artifacts/                     the bytes (see `wattle_artifact::store`)
//! ```

mod format_1;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wattle_artifact::store::{Prune, Store, StoreError, children};
use wattle_backend::disk::{DataDir, DataDirError, FileDraft};
use wattle_spec::app::App;
use wattle_spec::control::{Moment, Refusal, RefusalCode};
use wattle_spec::digest::Digest;
use wattle_spec::name::AppId;
use wattle_spec::route::{HttpRoute, RouteKey};

pub(crate) use self::format_1::say_doors;
use crate::app_file::{Parts, Snapshot};
use crate::input;

/// Where in a data directory it is written what is to run.
const APPS: &str = "apps";
/// Where bytes are.
const ARTIFACTS: &str = "artifacts";
/// The version of the format of a file. Older ones have become of this one when the data directory was migrated.
const FORMAT: u32 = 2;
/// The most bytes of a file.
const RECORD_MAX_LEN: u64 = 16 << 20;
/// How many generations of an app are kept.
pub(super) const GENERATIONS: usize = 10;
/// Bytes that nothing leads to stay for so long: an app that is applied has them there before it is written down.
const GRACE: Duration = Duration::from_secs(3600);

/// Why something cannot be written down or read again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DesiredError {
    #[error("cannot {operation} {}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("{} does not say what is to run", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{} has the format {found}, and this wattle knows up to {FORMAT}", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error("{} has the format {found}, which is {FORMAT} since the data directory was migrated", path.display())]
    Older { path: PathBuf, found: u32 },
    #[error("{} is about the app {found}", path.display())]
    Other { path: PathBuf, found: AppId },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} is there, and cannot be read", .0.display())]
    Unread(PathBuf),
    #[error("what is to be kept of the app {0} cannot be written as text")]
    Unwritable(AppId, #[source] serde_json::Error),
    #[error("what is to be kept of the app {0} has more than {RECORD_MAX_LEN} bytes")]
    TooLarge(AppId),
    #[error("the bytes {0} are not there any more")]
    Missing(Digest),
}

impl DesiredError {
    /// What to do about it, if something is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Newer { .. } => Some("use the wattle that wrote it, or a newer one".into()),
            Self::Damaged { path, .. } | Self::Older { path, .. } | Self::Other { path, .. } => {
                Some(format!("move {} away and apply the app again", path.display()))
            }
            Self::Unread(path) => {
                Some(format!("`wattle host` said why when it began; mend it, or move {} away", path.display()))
            }
            Self::Missing(_) => Some("apply the app again".into()),
            Self::DataDir(error) => error.hint(),
            Self::TooLarge(_) => Some("make its manifest smaller, or remove the app and apply it again".into()),
            Self::Io { .. } | Self::Store(_) | Self::Unwritable(..) => None,
        }
    }
}

/// A file that cannot be read, and why.
pub(super) type Unread = (PathBuf, DesiredError);

/// What is written down of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    pub(super) app: AppId,
    /// Whether somebody stopped it.
    pub(super) stopped: bool,
    /// The generation that is to run.
    pub(super) current: u64,
    /// Those that are kept, the newest first.
    pub(super) generations: Vec<Kept>,
}

/// A generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) generation: u64,
    pub(super) applied: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) snapshot: Snapshot,
    pub(super) doors: Doors,
}

/// What a host has to know of an app that it does not start yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doors {
    /// Which requests it answers.
    pub(super) routes: Vec<RouteKey>,
    /// Whether it does something without a request.
    pub(super) stays_awake: bool,
}

impl Doors {
    pub(super) fn of(app: &App) -> Self {
        Self { routes: app.routes.iter().map(HttpRoute::key).collect(), stays_awake: app.stays_awake() }
    }
}

impl Record {
    /// That of an app which never ran.
    pub(super) fn new(app: AppId, first: Kept) -> Self {
        Self { format: FORMAT, app, stopped: false, current: first.generation, generations: vec![first] }
    }

    /// The same with one more generation, which is to run.
    pub(super) fn with(mut self, next: Kept) -> Self {
        self.stopped = false;
        self.current = next.generation;
        self.generations.insert(0, next);
        self.generations.truncate(GENERATIONS);
        self
    }

    /// Whether it is at the generation that somebody `expected`.
    pub(super) fn is_at(&self, expected: Option<u64>) -> Result<(), Refusal> {
        let Self { app, current, .. } = self;
        match expected.filter(|expected| expected != current) {
            None => Ok(()),
            Some(expected) => {
                let message = format!("the app `{app}` is at generation {current}, and not at {expected}");
                Err(Refusal::new(RefusalCode::StaleGeneration, message).hint("somebody changed it: look at it again"))
            }
        }
    }

    /// The newest generation that there was.
    pub(super) fn newest(&self) -> u64 {
        self.generations.first().map_or(0, |kept| kept.generation)
    }

    /// One of those that are kept.
    pub(super) fn get(&self, generation: u64) -> Option<&Kept> {
        self.generations.iter().find(|kept| kept.generation == generation)
    }
}

/// What a host should run, on its disk.
#[derive(Clone)]
pub(crate) struct Desired {
    data: Arc<DataDir>,
    store: Store,
}

impl Desired {
    /// That in a data directory.
    pub(crate) fn open(data: Arc<DataDir>) -> Result<Self, DesiredError> {
        let store = Store::open(data.path().join(ARTIFACTS))?;
        Ok(Self { data, store })
    }

    /// The data directory.
    pub(super) fn directory(&self) -> &Path {
        self.data.path()
    }

    /// Removes what a host that was killed had not put in its place.
    pub(super) fn tidy(&self) -> Result<(), DesiredError> {
        for draft in files(self.data.path(), "new")? {
            if let Err(error) = std::fs::remove_file(&draft) {
                tracing::warn!(%error, draft = %draft.display(), "what was not put in its place cannot be removed");
            }
        }
        Ok(())
    }

    /// All that is written down, and what of it cannot be read.
    pub(super) fn all(&self) -> Result<(Vec<Record>, Vec<Unread>), DesiredError> {
        let (mut records, mut damaged) = (Vec::new(), Vec::new());
        for path in files(self.data.path(), "json")? {
            match read(&path) {
                Ok(record) => records.push(record),
                Err(error) => damaged.push((path, error)),
            }
        }
        records.sort_by(|one, other| one.app.cmp(&other.app));
        Ok((records, damaged))
    }

    /// Writes down `record`, to be put in its place later, with as many generations as there is room for. Of an app that
    /// `is_new` nothing is there, or nothing that can be read: that is left as it is.
    pub(super) fn draft(&self, mut record: Record, is_new: bool) -> Result<(FileDraft, Record), DesiredError> {
        let name = file_name(&record.app);
        let path = self.data.path().join(APPS).join(&name);
        if is_new && path.exists() {
            return Err(DesiredError::Unread(path));
        }
        let text = loop {
            match text(&record) {
                Err(DesiredError::TooLarge(_)) if record.generations.len() > 1 => drop(record.generations.pop()),
                text => break text?,
            }
        };
        Ok((self.data.draft(APPS, &name, &text)?, record))
    }

    /// Forgets `app`.
    pub(super) fn remove(&self, app: &AppId) -> Result<(), DesiredError> {
        Ok(self.data.remove(APPS, &file_name(app))?)
    }

    /// Keeps bytes. Those that are here already are marked as used.
    pub(super) fn keep(&self, parts: &Parts) -> Result<(), DesiredError> {
        Ok(parts.values().try_for_each(|bytes| self.store.put(bytes).map(drop))?)
    }

    /// The bytes of that digest.
    pub(super) fn part(&self, digest: &Digest) -> Result<Bytes, DesiredError> {
        self.store.read(digest, u64::MAX)?.ok_or(DesiredError::Missing(*digest))
    }

    /// Removes bytes that none of `records` needs, which are all that can be read, nor any of what is about to become one.
    /// Where some cannot be read, nothing is removed: they may need it.
    pub(super) fn prune(&self, records: &[Record], candidates: &[Arc<Snapshot>]) -> Result<(), DesiredError> {
        let (_, damaged) = self.all()?;
        if !damaged.is_empty() {
            return Ok(());
        }
        let kept = records.iter().flat_map(|record| &record.generations);
        let kept = kept.map(|kept| &kept.snapshot).chain(candidates.iter().map(|candidate| &**candidate));
        let keep: BTreeSet<_> = kept.flat_map(Snapshot::digests).collect();
        let (children, now) = (&children, SystemTime::now());
        let pruned = self.store.prune(&Prune { keep: &keep, children, grace: GRACE, forget_after: None, now })?;
        if !pruned.blobs.is_empty() {
            tracing::info!(
                blobs = pruned.blobs.len(),
                bytes = pruned.bytes,
                "removed what no generation of an app needs"
            );
        }
        Ok(())
    }
}

/// The files with such an `ending` among those with records in the data directory at `directory`.
fn files(directory: &Path, ending: &str) -> Result<Vec<PathBuf>, DesiredError> {
    let directory = directory.join(APPS);
    let entries = match std::fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", &directory))?,
    };
    let paths = entries.map(|entry| Ok(entry.map_err(failed("read", &directory))?.path()));
    paths
        .filter(|path| path.as_ref().map_or(true, |path| path.extension().is_some_and(|found| found == ending)))
        .collect()
}

fn read(path: &Path) -> Result<Record, DesiredError> {
    let record: Record = parse(path, FORMAT)?;
    match is_named_after(path, &record.app) {
        true => Ok(record),
        false => Err(DesiredError::Other { path: path.into(), found: record.app }),
    }
}

/// What the file at `path` has in it, which must be of this format.
fn parse<T: DeserializeOwned>(path: &Path, format: u32) -> Result<T, DesiredError> {
    /// What each version of the format has.
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u32,
    }
    let text = input::small(path, RECORD_MAX_LEN).map_err(failed("read", path))?;
    let damaged = |source| DesiredError::Damaged { path: path.into(), source };
    match serde_json::from_slice::<AnyFormat>(&text).map_err(damaged)?.format {
        found if found > format => Err(DesiredError::Newer { path: path.into(), found }),
        found if found < format => Err(DesiredError::Older { path: path.into(), found }),
        _ => serde_json::from_slice(&text).map_err(damaged),
    }
}

fn text(record: &Record) -> Result<Vec<u8>, DesiredError> {
    let unwritable = |source| DesiredError::Unwritable(record.app.clone(), source);
    let text = serde_json::to_vec(record).map_err(unwritable)?;
    match text.len() as u64 > RECORD_MAX_LEN {
        true => Err(DesiredError::TooLarge(record.app.clone())),
        false => Ok(text),
    }
}

fn is_named_after(path: &Path, app: &AppId) -> bool {
    path.file_name().is_some_and(|name| name == file_name(app).as_str())
}

fn file_name(app: &AppId) -> String {
    format!("{}.{}.json", app.namespace, app.name)
}

/// The app that a file is named after.
pub(super) fn of_file(path: &Path) -> Option<AppId> {
    let (namespace, name) = path.file_stem()?.to_str()?.split_once('.')?;
    Some(AppId { namespace: namespace.parse().ok()?, name: name.parse().ok()? })
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DesiredError {
    move |source| DesiredError::Io { operation, path: path.to_owned(), source }
}
