//! What references led to when they were pulled, so that they lead there without a network too.
//!
//! One JSON file for each: `{"reference": .., "digest": .., "media_type": .., "pulled_at": ..}`, the time as RFC 3339
//! has it. What else is in it is left alone by reading and lost by writing.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use super::Store;
use super::atomic::Draft;
use super::directory;
use super::error::{NoteError, StoreError, failed};
use super::file;
use super::lock::Kind;

/// The most bytes that the file of a reference has.
const NOTE_MAX_LEN: usize = 16 << 10;
const END: &str = ".json";

/// What a reference led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The reference as somebody wrote it.
    pub reference: Reference,
    /// The manifest that it led to.
    pub digest: Digest,
    /// The media type that the registry told for it.
    pub media_type: String,
    /// When it was found to lead there. Seconds are kept.
    pub pulled_at: DateTime<Utc>,
}

/// What is noted, and when that was last asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNote {
    /// What is noted.
    pub noted: Noted,
    /// When it was last noted or asked for, to a minute.
    pub last_used: SystemTime,
}

/// All that is noted.
#[derive(Debug, Default)]
pub struct References {
    /// What can be read, in the order of the files' names.
    pub notes: Vec<KeptNote>,
    /// What cannot.
    pub damaged: Vec<DamagedNote>,
}

/// A note that cannot be read.
#[derive(Debug)]
pub struct DamagedNote {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: StoreError,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    reference: String,
    digest: String,
    media_type: String,
    pulled_at: String,
}

impl Store {
    /// Notes what a reference led to, in place of what was noted of it. The blobs that it needs should all have been
    /// begun, written or read lately: before this, only their age protects them from [`Store::prune`].
    ///
    /// # Errors
    ///
    /// If its media type is longer than any, or if the system refuses it. What was noted before then stays.
    pub fn note(&self, noted: &Noted) -> Result<(), StoreError> {
        self.draft(noted).and_then(|draft| self.place([draft]))
    }

    /// Writes a note, which nobody sees before it is placed.
    pub(crate) fn draft(&self, noted: &Noted) -> Result<Draft, StoreError> {
        let wire = Wire {
            reference: noted.reference.to_string(),
            digest: noted.digest.to_string(),
            media_type: noted.media_type.clone(),
            pulled_at: noted.pulled_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        };
        let text = serde_json::to_vec(&wire).expect("invariant: texts are JSON");
        if text.len() > NOTE_MAX_LEN {
            return Err(StoreError::NoteTooLong { reference: Box::new(noted.reference.clone()) });
        }
        let path = self.note_path(&noted.reference);
        Draft::write(&path, &text).map_err(failed("write", &path))
    }

    /// Makes notes of what was written, and syncs their names once.
    pub(crate) fn place(&self, drafts: impl IntoIterator<Item = Draft>) -> Result<(), StoreError> {
        {
            let _shared = self.lock(Kind::Shared)?;
            for draft in drafts {
                let path = draft.path().to_owned();
                draft.place().map_err(failed("write", &path))?;
            }
        }
        self.sync_names(&self.references_directory())
    }

    /// What is noted of `reference`, if anything. Marks it as used.
    ///
    /// # Errors
    ///
    /// If that cannot be read, or if the system refuses it.
    pub fn noted(&self, reference: &Reference) -> Result<Option<Noted>, StoreError> {
        let path = self.note_path(reference);
        let Some(file) = file::open(&path)? else { return Ok(None) };
        let noted = self.read_note(&path, &file)?;
        file::touch(&file);
        Ok(Some(noted))
    }

    /// Forgets what is noted of `reference`, and says whether anything was. Its blobs stay until the next
    /// [`Store::prune`].
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn forget(&self, reference: &Reference) -> Result<bool, StoreError> {
        self.remove_if(&self.note_path(reference), |_| true).map(|removed| removed.is_some())
    }

    /// All that is noted. What cannot be read is told beside it.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub fn references(&self) -> Result<References, StoreError> {
        let directory = self.references_directory();
        let mut references = References::default();
        for name in directory::names(&directory)?.into_iter().filter(|name| name.ends_with(END)) {
            let path = directory.join(name);
            match self.kept_note(&path) {
                Ok(note) => references.notes.extend(note),
                Err(reason) => references.damaged.push(DamagedNote { path, reason }),
            }
        }
        Ok(references)
    }

    fn kept_note(&self, path: &Path) -> Result<Option<KeptNote>, StoreError> {
        let Some(file) = file::open(path)? else { return Ok(None) };
        let noted = self.read_note(path, &file)?;
        let last_used = file.metadata().and_then(|metadata| metadata.modified()).map_err(failed("read", path))?;
        Ok(Some(KeptNote { noted, last_used }))
    }

    fn read_note(&self, path: &Path, file: &fs::File) -> Result<Noted, StoreError> {
        let mut bytes = Vec::new();
        file.take(NOTE_MAX_LEN as u64 + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
        let noted = parse(&bytes).and_then(|noted| match self.note_path(&noted.reference) == path {
            true => Ok(noted),
            false => Err(NoteError::Misplaced(Box::new(noted.reference))),
        });
        noted.map_err(|source| StoreError::Note { path: path.into(), source })
    }

    pub(super) fn note_path(&self, reference: &Reference) -> PathBuf {
        let name = Digest::of(reference.to_string().as_bytes()).hex();
        self.references_directory().join(name + END)
    }
}

fn parse(bytes: &[u8]) -> Result<Noted, NoteError> {
    if bytes.len() > NOTE_MAX_LEN {
        return Err(NoteError::TooLong);
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(NoteError::Json)?;
    Ok(Noted {
        reference: wire.reference.parse().map_err(NoteError::Reference)?,
        digest: wire.digest.parse().map_err(NoteError::Digest)?,
        media_type: wire.media_type,
        pulled_at: DateTime::parse_from_rfc3339(&wire.pulled_at).map_err(NoteError::Time)?.to_utc(),
    })
}
