//! Which manifests hold signatures of an artifact, so that these are found without a network too.
//!
//! One JSON file for each artifact: `{"artifact": .., "manifests": [..]}`, the artifact as a reference with its digest.
//! Whether a signature is worth anything is not noted: whoever reads it finds out again. They are needed for as long as
//! the artifact is, and go with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository};

use super::error::{NoteError, StoreError, failed};
use super::lock::{Kind, Locked};
use super::reference::DamagedNote;
use super::{Store, atomic, directory, file};

/// The most manifests with signatures that are noted for one artifact.
pub const SIGNATURES_MAX: usize = 32;
/// The most bytes that such a file has.
const NOTE_MAX_LEN: usize = 16 << 10;
const END: &str = ".json";

/// What is noted of an artifact.
#[derive(Debug)]
pub(super) struct KeptSignatures {
    pub(super) path: PathBuf,
    /// The artifact that they are of.
    pub(super) subject: Digest,
    /// The manifests that hold them, the latest first.
    pub(super) manifests: Vec<Digest>,
    pub(super) last_used: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    artifact: String,
    manifests: Vec<String>,
}

impl Store {
    /// The manifests that hold signatures of the manifest `subject` of `repository`, the latest first, as far as they
    /// are noted. Marks them as used.
    ///
    /// # Errors
    ///
    /// If that cannot be read ([`StoreError::SignaturesNote`]), or if the system refuses it.
    pub fn signatures(&self, repository: &Repository, subject: Digest) -> Result<Vec<Digest>, StoreError> {
        let path = self.signatures_path(&repository.at(subject));
        let Some(file) = file::open(&path)? else { return Ok(Vec::new()) };
        let kept = self.read_signatures(&path, &file)?;
        file::touch(&file);
        Ok(kept.manifests)
    }

    /// Notes that `manifests` hold signatures of the manifest `subject` of `repository`, beside those that are noted, of
    /// whom the oldest are forgotten where there are more than [`SIGNATURES_MAX`]. Others who do the same wait.
    ///
    /// # Errors
    ///
    /// If the system refuses it. What was noted before then stays.
    pub fn add_signatures(
        &self,
        repository: &Repository,
        subject: Digest,
        manifests: &[Digest],
    ) -> Result<(), StoreError> {
        let path = self.signatures_path(&repository.at(subject));
        let _turn = self.lock_signatures()?;
        let before = match self.signatures(repository, subject) {
            // Nothing can be learnt from it any more.
            Err(StoreError::SignaturesNote { .. }) => Vec::new(),
            before => before?,
        };
        let mut after = manifests.to_vec();
        after.extend(before.iter().filter(|digest| !manifests.contains(digest)));
        after.truncate(SIGNATURES_MAX);
        if after == before {
            return Ok(());
        }
        let manifests = after.iter().map(ToString::to_string).collect();
        let wire = Wire { artifact: repository.at(subject).to_string(), manifests };
        let text = serde_json::to_vec(&wire).expect("invariant: texts are JSON");
        let _shared = self.lock(Kind::Shared)?;
        atomic::replace(&path, &text).map_err(failed("write", &path))
    }

    /// All that is noted of signatures. What cannot be read is told beside it.
    pub(super) fn all_signatures(&self) -> Result<(Vec<KeptSignatures>, Vec<DamagedNote>), StoreError> {
        let directory = self.signatures_directory();
        let (mut kept, mut damaged) = (Vec::new(), Vec::new());
        for name in directory::names(&directory)?.into_iter().filter(|name| name.ends_with(END)) {
            let path = directory.join(name);
            let read =
                file::open(&path).and_then(|file| file.map(|file| self.read_signatures(&path, &file)).transpose());
            match read {
                Ok(read) => kept.extend(read),
                Err(reason) => damaged.push(DamagedNote { path, reason }),
            }
        }
        Ok((kept, damaged))
    }

    /// The manifests that hold signatures, by what they are of.
    pub(super) fn signatures_by_subject(&self) -> Result<BTreeMap<Digest, Vec<Digest>>, StoreError> {
        let mut by_subject: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for kept in self.all_signatures()?.0 {
            by_subject.entry(kept.subject).or_default().extend(kept.manifests);
        }
        Ok(by_subject)
    }

    fn read_signatures(&self, path: &Path, file: &File) -> Result<KeptSignatures, StoreError> {
        let mut bytes = Vec::new();
        file.take(NOTE_MAX_LEN as u64 + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
        let last_used = file.metadata().and_then(|metadata| metadata.modified()).map_err(failed("read", path))?;
        let parsed =
            parse(&bytes).and_then(|(artifact, subject, manifests)| match self.signatures_path(&artifact) == path {
                true => Ok(KeptSignatures { path: path.into(), subject, manifests, last_used }),
                false => Err(NoteError::Misplaced(Box::new(artifact))),
            });
        parsed.map_err(|source| StoreError::SignaturesNote { path: path.into(), source })
    }

    /// Lets whoever changes what is noted of signatures do so alone. The lock of the store is for shorter work.
    fn lock_signatures(&self) -> Result<Locked, StoreError> {
        let path = self.signatures_directory().join("lock");
        let file = file::open_or_create(&path)?;
        let locked = Locked::wait(file, Kind::Alone, directory::LOCK_PATIENCE).map_err(failed("lock", &path))?;
        locked.ok_or(StoreError::Busy { path })
    }

    fn signatures_path(&self, artifact: &Reference) -> PathBuf {
        let name = Digest::of(artifact.to_string().as_bytes()).hex();
        self.signatures_directory().join(name + END)
    }
}

fn parse(bytes: &[u8]) -> Result<(Reference, Digest, Vec<Digest>), NoteError> {
    if bytes.len() > NOTE_MAX_LEN {
        return Err(NoteError::TooLong);
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(NoteError::Json)?;
    let artifact: Reference = wire.artifact.parse().map_err(NoteError::Reference)?;
    let subject = artifact.digest().ok_or(NoteError::NoDigest)?;
    let manifests = wire.manifests.iter().take(SIGNATURES_MAX).map(|digest| digest.parse().map_err(NoteError::Digest));
    Ok((artifact, subject, manifests.collect::<Result<_, _>>()?))
}
