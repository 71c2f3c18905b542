//! `wattle.lock`: what the tags in a manifest pointed to, so that the same app runs tomorrow and without a network.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::digest::{Digest, DigestError};
use crate::reference::{Reference, ReferenceError};

/// The version of the file's format.
const VERSION: u32 = 1;
/// The first lines of the file.
const HEAD: &str = "# What the tags in wattle.toml point to. Written by `wattle up` and `wattle pull`, kept with the manifest.\n";

/// The digests of manifests by the references that were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock(BTreeMap<String, Digest>);

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
        let entry = |Artifact { reference, digest }| {
            if let Err(source) = reference.parse::<Reference>() {
                return Err(LockError::Reference { text: reference, source });
            }
            match digest.parse() {
                Ok(digest) => Ok((reference, digest)),
                Err(source) => Err(LockError::Digest { reference, source }),
            }
        };
        written.artifact.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// What `reference` points to.
    pub fn get(&self, reference: &Reference) -> Option<Digest> {
        self.0.get(&reference.to_string()).copied()
    }

    /// Notes what `reference` points to.
    pub fn set(&mut self, reference: &Reference, digest: Digest) {
        self.0.insert(reference.to_string(), digest);
    }

    /// Forgets every reference but those that `is_used` takes.
    pub fn retain(&mut self, is_used: impl Fn(&str) -> bool) {
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
