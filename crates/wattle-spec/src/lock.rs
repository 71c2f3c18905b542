//! `wattle.lock`: what the tags in a manifest pointed to, so that the same app runs tomorrow and without a network.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::digest::{Digest, DigestError};
use crate::reference::{Reference, ReferenceError};

/// The version of the file's format.
const VERSION: u32 = 1;
/// The first lines of the file.
const HEAD: &str = "# What the tags in wattle.toml point to. Written by `wattle up`, kept with the manifest.\n";

/// The digests of manifests by the references with a tag that lead to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock(BTreeMap<Reference, Digest>);

/// Why a text is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is no TOML of the right shape.
    #[error("it is no lock")]
    Toml(#[source] toml::de::Error),
    /// It is of a later format.
    #[error("its version is {0}, and this `wattle` knows version {VERSION}")]
    Version(u32),
    /// It names something that is no reference.
    #[error("it names {text:?}")]
    Reference {
        /// What it names.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// It says of a reference more than once where it leads.
    #[error("it says twice where {0:?} leads")]
    Twice(String),
    /// What a reference points to is no digest.
    #[error("what `{reference}` points to is no digest")]
    Digest {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    artifact: Vec<Artifact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Artifact {
    reference: String,
    digest: String,
}

impl Lock {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// If it is none that this version writes.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let written: Written = toml::from_str(text).map_err(LockError::Toml)?;
        if written.version != VERSION {
            return Err(LockError::Version(written.version));
        }
        let mut lock = Self::default();
        for Artifact { reference, digest } in written.artifact {
            let parsed: Result<Reference, _> = reference.parse();
            let parsed = parsed.map_err(|source| LockError::Reference { text: reference.clone(), source })?;
            if parsed.digest().is_some() || lock.0.contains_key(&parsed) {
                return Err(LockError::Twice(reference));
            }
            let digest = digest.parse().map_err(|source| LockError::Digest { reference, source })?;
            lock.0.insert(parsed, digest);
        }
        Ok(lock)
    }

    /// What `reference` points to.
    pub fn get(&self, reference: &Reference) -> Option<Digest> {
        self.0.get(reference).copied()
    }

    /// Notes what `reference` points to.
    pub fn set(&mut self, reference: &Reference, digest: Digest) {
        self.0.insert(reference.clone(), digest);
    }

    /// Forgets every reference but those that `is_used` takes.
    pub fn retain(&mut self, is_used: impl Fn(&Reference) -> bool) {
        self.0.retain(|reference, _| is_used(reference));
    }

    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the file, sorted, so that it changes no more than what it says.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}version = {VERSION}\n");
        for (reference, digest) in &self.0 {
            let _ = write!(text, "\n[[artifact]]\nreference = \"{reference}\"\ndigest = \"{digest}\"\n");
        }
        text
    }
}
