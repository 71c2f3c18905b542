//! `guests/built/lock.json`: what each committed guest was built from, and what came out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::source::{Guest, hex};
use crate::root;

/// The guests by name.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Lock(BTreeMap<String, Record>);

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    sources: String,
    built: String,
}

impl Record {
    fn of(guest: &Guest, built: &[u8]) -> Result<Record> {
        Ok(Record { sources: guest.digest()?, built: hex(&Sha256::digest(built)) })
    }
}

impl Lock {
    pub(super) fn read() -> Result<Lock> {
        let path = path();
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("read {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lock::default()),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    pub(super) fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path(), text).with_context(|| format!("write {}", path().display()))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Whether the committed file is there, is what was built, and was built from the sources as they are.
    pub(super) fn is_current(&self, guest: &Guest) -> Result<bool> {
        match (self.0.get(&guest.name), fs::read(guest.built())) {
            (Some(record), Ok(built)) => Ok(*record == Record::of(guest, &built)?),
            _ => Ok(false),
        }
    }

    pub(super) fn record(&mut self, guest: &Guest, built: &[u8]) -> Result<()> {
        self.0.insert(guest.name.clone(), Record::of(guest, built)?);
        Ok(())
    }

    /// Keeps some and returns the names of the others.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> Vec<String> {
        self.0.extract_if(.., |name, _| !keep(name)).map(|(name, _)| name).collect()
    }
}

fn path() -> PathBuf {
    root().join("guests/built/lock.json")
}
