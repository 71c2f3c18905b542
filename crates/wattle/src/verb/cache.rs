//! `wattle cache`: what is kept of registries on this machine.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use wattle_artifact::folder::{KeptFolder, PrunedFolders, VerifiedFolders};
use wattle_artifact::store::{KeptNote, Prune, References, Store, children};

use super::table::Table;
use super::{print, print_json, tell, time};
use crate::artifacts::store;
use crate::cli::{Cache, CacheList, CachePrune};
use crate::kept::unpacked_folders;
use crate::problem::Problem;

/// What was used so lately may be part of a pull that is under way.
const GRACE: Duration = Duration::from_secs(3600);

/// What `list --json` prints.
#[derive(Serialize)]
struct Listed {
    references: Vec<Kept>,
    blobs: usize,
    size_bytes: u64,
    /// The folders of apps that are unpacked.
    folders: Vec<Folder>,
}

#[derive(Serialize)]
struct Folder {
    /// Of its archive.
    digest: String,
    files: usize,
    size_bytes: u64,
    used_at: String,
}

#[derive(Serialize)]
struct Kept {
    reference: String,
    digest: String,
    pulled_at: String,
}

pub(crate) fn run(arguments: &Cache) -> Result<(), Problem> {
    let store = store()?;
    match arguments {
        Cache::List(arguments) => list(&store, arguments),
        Cache::Prune(arguments) => prune(&store, arguments),
        Cache::Verify => verify(&store),
    }
}

fn list(store: &Store, arguments: &CacheList) -> Result<(), Problem> {
    let blobs = store.list(&children)?;
    let kept = |note: KeptNote| Kept {
        reference: note.noted.reference.to_string(),
        digest: note.noted.digest.to_string(),
        pulled_at: time(note.noted.pulled_at),
    };
    let References { notes, damaged } = store.references()?;
    for note in &damaged {
        tell(&format!("warning: {} cannot be read; `wattle cache verify` removes it\n", note.path.display()));
    }
    let mut references: Vec<_> = notes.into_iter().map(kept).collect();
    references.sort_by(|one, other| one.reference.cmp(&other.reference));
    let size_bytes = blobs.iter().map(|blob| blob.size).sum();
    let folders = match unpacked_folders()? {
        Some(folders) => folders.list().map_err(Problem::KeptFolders)?,
        None => Vec::new(),
    };
    let folder = |KeptFolder { digest, files, bytes, last_used }| Folder {
        digest: digest.to_string(),
        files,
        size_bytes: bytes,
        used_at: time(last_used.into()),
    };
    let folders = folders.into_iter().map(folder).collect();
    let listed = Listed { references, blobs: blobs.len(), size_bytes, folders };
    if arguments.json {
        return print_json(&listed);
    }
    let mut table = Table::new(["REFERENCE", "DIGEST", "PULLED"]);
    for kept in &listed.references {
        table.row([kept.reference.clone(), kept.digest.clone(), kept.pulled_at.clone()]);
    }
    print(&table.to_string())?;
    tell(&format!("{} blobs, {size_bytes} bytes\n", listed.blobs));
    if !listed.folders.is_empty() {
        let size_bytes: u64 = listed.folders.iter().map(|folder| folder.size_bytes).sum();
        tell(&format!("{} folders of apps, {size_bytes} bytes\n", listed.folders.len()));
    }
    Ok(())
}

fn prune(store: &Store, arguments: &CachePrune) -> Result<(), Problem> {
    let now = SystemTime::now();
    let pruned = store.prune(&Prune {
        keep: &BTreeSet::new(),
        children: &children,
        grace: GRACE,
        forget_after: arguments.older_than.map(|span| span.0),
        now,
    })?;
    let (references, blobs) = (pruned.references.len(), pruned.blobs.len());
    tell(&format!("removed {references} references and {blobs} blobs, {} bytes\n", pruned.bytes));
    let Some(folders) = unpacked_folders()? else { return Ok(()) };
    // A start of the app unpacks it again out of what was pulled.
    let PrunedFolders { folders, remains, bytes } = folders.prune(GRACE, now).map_err(Problem::KeptFolders)?;
    if !folders.is_empty() || remains > 0 {
        tell(&format!("removed {} folders of apps, {bytes} bytes\n", folders.len()));
    }
    Ok(())
}

fn verify(store: &Store) -> Result<(), Problem> {
    let verified = store.verify()?;
    tell(&format!("{} blobs are sound, {} bytes\n", verified.sound, verified.bytes));
    for blob in &verified.damaged {
        tell(&format!("removed {}, whose bytes had the digest {}\n", blob.digest, blob.found));
    }
    for note in &verified.notes {
        tell(&format!("removed {}, which could not be read\n", note.path.display()));
    }
    let (removed, in_use) = verify_folders()?;
    match verified.damaged.len() + verified.notes.len() + removed {
        0 if in_use == 0 => Ok(()),
        0 => Err(Problem::DamagedInUse { folders: in_use }),
        pieces => Err(Problem::DamagedCache { pieces }),
    }
}

/// Says how many folders of apps were removed for being damaged, and how many stay as they are served.
fn verify_folders() -> Result<(usize, usize), Problem> {
    let Some(folders) = unpacked_folders()? else { return Ok((0, 0)) };
    let VerifiedFolders { sound, bytes, damaged } = folders.verify().map_err(Problem::KeptFolders)?;
    if sound > 0 {
        tell(&format!("{sound} folders of apps are sound, {bytes} bytes\n"));
    }
    for folder in &damaged {
        let path = folder.path.display();
        tell(&match folder.is_in_use {
            true => format!("{path} is not as it was pushed, and an app serves it\n"),
            false => format!("removed {path}, which was not as it was pushed\n"),
        });
    }
    let in_use = damaged.iter().filter(|folder| folder.is_in_use).count();
    Ok((damaged.len() - in_use, in_use))
}
