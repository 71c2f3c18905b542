//! `wattle cache`: what is kept of registries on this machine.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::Serialize;
use wattle_artifact::folder::KeptFolder;
use wattle_artifact::store::{KeptNote, Prune, References, Store, children};

use super::check::counted;
use super::table::Table;
use super::{print, print_json, tell, time};
use crate::artifacts::store;
use crate::cli::{Cache, CacheList, CachePrune};
use crate::kept::unpacked_folders;
use crate::problem::Problem;

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
    tell(&format!("{}, {}\n", counted(listed.blobs, "blob"), bytes(size_bytes)));
    if !listed.folders.is_empty() {
        let size_bytes: u64 = listed.folders.iter().map(|folder| folder.size_bytes).sum();
        tell(&format!("{} of apps, {}\n", counted(listed.folders.len(), "folder"), bytes(size_bytes)));
    }
    Ok(())
}

fn prune(store: &Store, arguments: &CachePrune) -> Result<(), Problem> {
    let (now, grace) = (SystemTime::now(), arguments.grace);
    let pruned = store.prune(&Prune {
        keep: &BTreeSet::new(),
        children: &children,
        grace: grace.0,
        forget_after: arguments.older_than.map(|span| span.0),
        now,
    })?;
    let references = counted(pruned.references.len(), "reference");
    tell(&format!("removed {references} and {}, {}\n", counted(pruned.blobs.len(), "blob"), bytes(pruned.bytes)));
    let mut recent = pruned.recent_bytes;
    if let Some(folders) = unpacked_folders()? {
        // A start of the app unpacks it again out of what was pulled.
        let pruned = folders.prune(grace.0, now).map_err(Problem::KeptFolders)?;
        if !pruned.folders.is_empty() || pruned.remains > 0 {
            let folders = counted(pruned.folders.len(), "folder");
            tell(&format!("removed {folders} of apps, {}\n", bytes(pruned.bytes)));
        }
        recent += pruned.recent_bytes;
    }
    if recent > 0 {
        tell(&format!("kept {} that could go, as they were used within {grace} (--grace)\n", bytes(recent)));
    }
    Ok(())
}

fn bytes(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "byte")
}

fn verify(store: &Store) -> Result<(), Problem> {
    let verified = store.verify()?;
    tell(&format!("{}, {}\n", sound(verified.sound, "blob", ""), bytes(verified.bytes)));
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

fn sound(count: u64, what: &str, which: &str) -> String {
    let counted = counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    format!("{counted}{which} {} sound", if count == 1 { "is" } else { "are" })
}

/// Says how many folders of apps were removed for being damaged, and how many stay as they are served.
fn verify_folders() -> Result<(usize, usize), Problem> {
    let Some(folders) = unpacked_folders()? else { return Ok((0, 0)) };
    let verified = folders.verify().map_err(Problem::KeptFolders)?;
    if verified.sound > 0 {
        tell(&format!("{}, {}\n", sound(verified.sound, "folder", " of apps"), bytes(verified.bytes)));
    }
    let damaged = verified.damaged;
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
