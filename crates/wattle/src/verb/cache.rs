//! `wattle cache`: what is kept of registries on this machine.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use wattle_artifact::store::{KeptNote, Prune, References, Store, children};

use super::table::Table;
use super::{print, print_json, tell, time};
use crate::artifacts::store;
use crate::cli::{Cache, CacheList, CachePrune};
use crate::problem::Problem;

/// What was used so lately may be part of a pull that is under way.
const GRACE: Duration = Duration::from_secs(3600);

/// What `list --json` prints.
#[derive(Serialize)]
struct Listed {
    references: Vec<Kept>,
    blobs: usize,
    size_bytes: u64,
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
    let listed = Listed { references, blobs: blobs.len(), size_bytes };
    if arguments.json {
        return print_json(&listed);
    }
    let mut table = Table::new(["REFERENCE", "DIGEST", "PULLED"]);
    for kept in &listed.references {
        table.row([kept.reference.clone(), kept.digest.clone(), kept.pulled_at.clone()]);
    }
    print(&table.to_string())?;
    tell(&format!("{} blobs, {size_bytes} bytes\n", listed.blobs));
    Ok(())
}

fn prune(store: &Store, arguments: &CachePrune) -> Result<(), Problem> {
    let pruned = store.prune(&Prune {
        keep: &BTreeSet::new(),
        children: &children,
        grace: GRACE,
        forget_after: arguments.older_than.map(|span| span.0),
        now: SystemTime::now(),
    })?;
    let (references, blobs) = (pruned.references.len(), pruned.blobs.len());
    tell(&format!("removed {references} references and {blobs} blobs, {} bytes\n", pruned.bytes));
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
    match verified.damaged.is_empty() && verified.notes.is_empty() {
        true => Ok(()),
        false => Err(Problem::DamagedCache { pieces: verified.damaged.len() + verified.notes.len() }),
    }
}
