//! The entries and the counter of visits, in one bucket of a key-value store.
//!
//! Any number of instances write at once. Every entry has a key of its own, `entry/TIME-NUMBER`: TIME in milliseconds
//! since 1970 makes keys sort by age, and NUMBER, from an atomic counter, keeps two entries of one instant apart.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::bindings::{atomics, batch, store};
use crate::draft::Draft;
use crate::fault::Fault;

const BUCKET: &str = "default";
const ENTRY: &str = "entry/";
const NUMBER: &str = "entries";
const VISITS: &str = "visits";

/// How many entries are shown.
const SHOWN: usize = 100;

#[derive(Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub text: String,
    /// RFC 3339, UTC, to the second.
    pub time: String,
}

pub struct Book(store::Bucket);

impl Book {
    pub fn open() -> Result<Book, Fault> {
        Ok(Book(store::open(BUCKET)?))
    }

    /// Counts a visit and returns how many there were.
    pub fn visit(&self) -> Result<u64, Fault> {
        Ok(atomics::increment(&self.0, VISITS, 1)?)
    }

    /// How many visits there were.
    pub fn visits(&self) -> Result<u64, Fault> {
        Ok(atomics::increment(&self.0, VISITS, 0)?)
    }

    pub fn add(&self, draft: Draft) -> Result<Entry, Fault> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let number = atomics::increment(&self.0, NUMBER, 1)?;
        let time = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + now).to_string();
        let entry = Entry { name: draft.name, text: draft.text, time };
        let value = serde_json::to_string(&entry).expect("texts are always JSON");
        self.0.set(&format!("{ENTRY}{:013}-{number:010}", now.as_millis()), value.as_bytes())?;
        Ok(entry)
    }

    /// The newest entries, newest first.
    pub fn newest(&self) -> Result<Vec<Entry>, Fault> {
        let mut keys = self.keys()?;
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.truncate(SHOWN);
        // In the order of the keys; one that was deleted meanwhile is not there, nor one that somebody else wrote.
        let found = batch::get_many(&self.0, &keys)?;
        Ok(found.into_iter().flatten().filter_map(|(_, value)| serde_json::from_slice(&value).ok()).collect())
    }

    fn keys(&self) -> Result<Vec<String>, Fault> {
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.0.list_keys(cursor)?;
            keys.extend(page.keys.into_iter().filter(|key| key.starts_with(ENTRY)));
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }
}
