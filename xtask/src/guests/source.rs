//! The guests as they are found in the tree, and the digest of what each is built from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::root;

/// A guest program.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// What it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A package in `guests/NAME`.
    Rust,
    /// A text in `guests/wat/NAME.wat`, for what no compiler would make.
    Wat,
}

impl Guest {
    /// All guests, sorted by name.
    pub(crate) fn all() -> Result<Vec<Guest>> {
        let directory = root().join("guests");
        let mut guests = Vec::new();
        for path in entries(&directory)? {
            if path.join("Cargo.toml").is_file() {
                guests.push(Guest { name: name(&path), source: Source::Rust });
            }
        }
        for path in entries(&directory.join("wat"))? {
            guests.push(Guest { name: name(&path), source: Source::Wat });
        }
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(guests)
    }

    /// The committed file.
    pub(crate) fn built(&self) -> PathBuf {
        root().join(format!("guests/built/{}.wasm", self.name))
    }

    /// The name as a Rust identifier.
    pub(crate) fn identifier(&self) -> String {
        self.name.replace('-', "_")
    }

    /// SHA-256 over the paths and contents of everything that it is built from.
    pub(crate) fn digest(&self) -> Result<String> {
        let guests = root().join("guests");
        let mut files = Vec::new();
        match self.source {
            Source::Wat => files.push(guests.join(format!("wat/{}.wat", self.name))),
            Source::Rust => {
                files.extend([guests.join("Cargo.lock"), guests.join("Cargo.toml")]);
                collect(&guests.join(&self.name), &mut files)?;
                collect(&guests.join("shared"), &mut files)?;
                collect(&guests.join("wit"), &mut files)?;
            }
        }
        let mut hasher = Sha256::new();
        for file in files {
            let content = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            let path = file.strip_prefix(&guests).unwrap_or(&file).to_string_lossy();
            hasher.update(format!("{path} {}\n", content.len()));
            hasher.update(content);
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// A digest as it is written in `lock.json`.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(directory)? {
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// What is in a directory, sorted.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = || fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    let mut paths = read().with_context(|| format!("read {}", directory.display()))?;
    paths.sort();
    Ok(paths)
}
