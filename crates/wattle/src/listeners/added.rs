//! The listeners that were added while a host ran, on its disk: one file, which is whole at every point in time.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wattle_backend::disk::{DataDir, DataDirError};
use wattle_spec::listen::{Listen, Scheme};

use crate::input;

/// Where it is in a data directory.
const FOLDER: &str = "listeners";
const NAME: &str = "added.json";
/// The version of its format.
const FORMAT: u32 = 1;
/// The most bytes that it may have.
const MAX_LEN: u64 = 64 << 10;

/// Why nobody knows, or can write down, which listeners were added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddedError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} does not say which listeners were added", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{} has the format {found}, and this wattle knows up to {FORMAT}", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl AddedError {
    /// What to do about it, if something is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Io { path, .. } => Some(format!("let the host read {}", path.display())),
            Self::Damaged { path, .. } => {
                Some(format!("move {} away, start the host again and add the listeners again", path.display()))
            }
            Self::Newer { .. } => Some("use the wattle that wrote it, or a newer one".into()),
            Self::DataDir(error) => error.hint(),
        }
    }
}

/// What is spoken at the addresses that were added.
pub(super) type Added = BTreeMap<SocketAddr, Scheme>;

#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    /// Each with what is spoken there.
    added: Vec<Listen>,
}

/// What was added, as the disk has it.
pub(super) fn read(data: &DataDir) -> Result<Added, AddedError> {
    /// What each version of the format has.
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u32,
    }
    let path = data.path().join(FOLDER).join(NAME);
    let text = match input::small(&path, MAX_LEN) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Added::new()),
        read => read.map_err(|source| AddedError::Io { path: path.clone(), source })?,
    };
    let damaged = |source| AddedError::Damaged { path: path.clone(), source };
    match serde_json::from_slice::<AnyFormat>(&text).map_err(damaged)?.format {
        ..=FORMAT => {}
        found => return Err(AddedError::Newer { path, found }),
    }
    let record: Record = serde_json::from_slice(&text).map_err(damaged)?;
    Ok(record.added.into_iter().map(|added| (added.address, added.scheme.unwrap_or(Scheme::Http))).collect())
}

/// Has the disk say that these were `added`, for good when this returns.
pub(super) async fn write(data: &Arc<DataDir>, added: &Added) -> Result<(), AddedError> {
    let added = added.iter().map(|(&address, &scheme)| Listen { scheme: Some(scheme), address }).collect();
    let text = serde_json::to_vec(&Record { format: FORMAT, added }).expect("invariant: it has string keys");
    let data = data.clone();
    let written = tokio::task::spawn_blocking(move || data.write(FOLDER, NAME, &text)).await;
    // A bug of ours ends what it is in, and nothing else.
    let broken = |error| AddedError::Io { path: NAME.into(), source: io::Error::other(error) };
    Ok(written.map_err(broken)??)
}
