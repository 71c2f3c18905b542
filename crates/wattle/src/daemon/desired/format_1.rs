//! Records of apps as a data directory of format 1 has them, and how they become what they are now.
//!
//! The releases of that time began without saying which requests an app answers, and started each with the host.

use std::io;
use std::path::Path;

use serde::Deserialize;
use wattle_backend::disk::{DataDir, MigrationFailure};
use wattle_spec::control::Moment;
use wattle_spec::manifest::HttpTrigger;
use wattle_spec::name::AppId;

use super::{APPS, DesiredError, Doors, files, parse, text};
use crate::app_file::Snapshot;

/// The format of these records.
const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Record {
    app: AppId,
    stopped: bool,
    current: u64,
    generations: Vec<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    generation: u64,
    applied: Moment,
    version: Option<String>,
    snapshot: Snapshot,
    /// The later ones of these releases had it.
    doors: Option<Doors>,
}

/// Has each record in `data` say which requests its app answers. What is damaged is left as it is: the host tells of it and
/// runs the others.
pub(crate) fn say_doors(data: &DataDir) -> Result<(), MigrationFailure> {
    for path in files(data.path(), "json")? {
        if let Some(record) = read(&path)? {
            let record = super::Record::from(record);
            data.write(APPS, &super::file_name(&record.app), &text(&record)?)?;
        }
    }
    Ok(())
}

/// The record at `path`, if it is a sound one of this format.
fn read(path: &Path) -> Result<Option<Record>, DesiredError> {
    match parse::<Record>(path, FORMAT) {
        Ok(record) => Ok(super::is_named_after(path, &record.app).then_some(record)),
        // Whether a disk that fails now has a sound one, nobody knows.
        Err(error @ DesiredError::Io { .. }) if !is_no_file(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether there is no regular file, or one that is too long for a record.
fn is_no_file(error: &DesiredError) -> bool {
    let kinds = [io::ErrorKind::InvalidData, io::ErrorKind::NotFound];
    matches!(error, DesiredError::Io { source, .. } if kinds.contains(&source.kind()))
}

impl From<Record> for super::Record {
    fn from(Record { app, stopped, current, generations }: Record) -> Self {
        let generations = generations.into_iter().map(super::Kept::from).collect();
        Self { format: super::FORMAT, app, stopped, current, generations }
    }
}

impl From<Kept> for super::Kept {
    fn from(Kept { generation, applied, version, snapshot, doors }: Kept) -> Self {
        let doors = doors.unwrap_or_else(|| doors_in(&snapshot));
        Self { generation, applied, version, snapshot, doors }
    }
}

/// What the manifest says. An app whose manifest has faults for this release is started with the host, which says why it
/// does not run.
fn doors_in(snapshot: &Snapshot) -> Doors {
    match snapshot.parsed() {
        Ok((manifest, faults)) if faults.is_empty() => Doors {
            routes: manifest.triggers.http.iter().map(HttpTrigger::key).collect(),
            stays_awake: manifest.stays_awake(),
        },
        _ => Doors { routes: Vec::new(), stays_awake: true },
    }
}
