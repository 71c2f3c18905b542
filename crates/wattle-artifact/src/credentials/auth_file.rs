//! A file of credentials: Docker's `config.json` or Podman's `auth.json`, of which we know a few keys.
//!
//! ```json
//! { "auths": { "ghcr.io": { "auth": "dXNlcjpwYXNzd29yZA==" } },
//!   "credHelpers": { "gcr.io": "gcloud" },
//!   "credsStore": "secretservice" }
//! ```
//!
//! It is read as a value and looked into by hand: the messages of a decoder may have pieces of the file in them.

use std::cmp::Reverse;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::registry_name::RegistryName;
use super::{Credential, CredentialsError, entry};
use crate::store::atomic;
use crate::store::lock::{Kind, Locked};

/// The most bytes that a file has.
const MAX_LEN: u64 = 4 << 20;
/// How long another process that changes the file is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// A file of credentials, as it was read.
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    root: Map<String, Value>,
}

impl AuthFile {
    /// Reads the file. `None`: there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, CredentialsError> {
        let Some(bytes) = read(path)? else { return Ok(None) };
        let root = match bytes.trim_ascii().is_empty() {
            true => Value::Object(Map::new()),
            false => {
                serde_json::from_slice(&bytes).map_err(|source| CredentialsError::Json { path: path.into(), source })?
            }
        };
        match root {
            Value::Object(root) => Ok(Some(Self { path: path.into(), root })),
            _ => Err(CredentialsError::Shape {
                path: path.into(),
                what: "all of it".into(),
                expected: "should be an object",
            }),
        }
    }

    /// What it has of `registry` by itself.
    pub(super) fn credential(&self, registry: &RegistryName) -> Result<Option<Credential>, CredentialsError> {
        let Some((key, value)) = self.section("auths")?.and_then(|auths| find(auths, registry)) else {
            return Ok(None);
        };
        entry::read(value).map_err(|expected| self.shape(format!("the entry of {key:?}"), expected))
    }

    /// What it has of a part of `registry` that the repository at `path` is in: of the smallest one that it has something
    /// of (`containers-auth.json(5)`).
    pub(super) fn within(&self, registry: &RegistryName, path: &str) -> Result<Option<Credential>, CredentialsError> {
        let mut parts = Vec::new();
        for (key, value) in self.section("auths")?.into_iter().flatten() {
            let Some((of, part)) = RegistryName::of_part(key) else { continue };
            let is_in = path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if of == *registry && is_in {
                parts.push((part.len(), key, value));
            }
        }
        parts.sort_by_key(|(len, ..)| Reverse(*len));
        for (_, key, value) in parts {
            let read = entry::read(value).map_err(|expected| self.shape(format!("the entry of {key:?}"), expected))?;
            if read.is_some() {
                return Ok(read);
            }
        }
        Ok(None)
    }

    /// Whether it has an entry for `registry`, be there something in it or not: a registry that somebody logged in to.
    pub(super) fn mentions(&self, registry: &RegistryName) -> Result<bool, CredentialsError> {
        let auths = self.section("auths")?;
        Ok(auths.is_some_and(|auths| find(auths, registry).is_some()) || self.own_helper(registry)?.is_some())
    }

    /// The helper that has what belongs to `registry`, if one has.
    pub(super) fn helper(&self, registry: &RegistryName) -> Result<Option<&str>, CredentialsError> {
        let helper = match self.own_helper(registry)? {
            Some(own) => Some(own),
            None => self.text(&self.root, "credsStore")?,
        };
        // An empty name says that there is none for this one.
        Ok(helper.filter(|name| !name.is_empty()))
    }

    fn own_helper(&self, registry: &RegistryName) -> Result<Option<&str>, CredentialsError> {
        let Some(helpers) = self.section("credHelpers")? else { return Ok(None) };
        match find(helpers, registry) {
            Some((key, _)) => self.text(helpers, key),
            None => Ok(None),
        }
    }

    /// Changes Docker's file, which is made if there is none, while nobody else of us does.
    pub(super) fn change<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, CredentialsError>,
    ) -> Result<T, CredentialsError> {
        let path = &destination(path);
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed("create", directory))?;
        let lock = File::open(directory).map_err(failed("open", directory))?;
        let lock = Locked::wait(lock, Kind::Alone, LOCK_PATIENCE).map_err(failed("lock", directory))?;
        let _alone = lock.ok_or_else(|| CredentialsError::Locked { path: directory.into() })?;
        let before = Self::read(path)?;
        let old = before.as_ref().map(|file| file.root.clone());
        let mut file = before.unwrap_or_else(|| Self { path: path.clone(), root: Map::new() });
        let outcome = change(&mut file)?;
        if Some(&file.root) != old.as_ref() && !(old.is_none() && file.root.is_empty()) {
            file.write()?;
        }
        Ok(outcome)
    }

    /// The entry of `registry`, under the key that Docker uses. Others of the same registry are removed.
    pub(super) fn entry(&mut self, registry: &RegistryName) -> Result<&mut Map<String, Value>, CredentialsError> {
        self.section("auths")?;
        let key = registry.key();
        let unlike = |path: PathBuf| CredentialsError::Shape {
            path,
            what: format!("the entry of {key:?}"),
            expected: "should be an object",
        };
        let auths = filled(&mut self.root, "auths").ok_or_else(|| unlike(self.path.clone()))?;
        auths.retain(|other, _| other == key || RegistryName::of_key(other).as_ref() != Some(registry));
        filled(auths, key).ok_or_else(|| unlike(self.path.clone()))
    }

    /// Removes all entries of `registry`, and says whether there was something to log in with in one.
    pub(super) fn remove(&mut self, registry: &RegistryName) -> Result<bool, CredentialsError> {
        self.section("auths")?;
        let Some(Value::Object(auths)) = self.root.get_mut("auths") else { return Ok(false) };
        let mut had = false;
        auths.retain(|key, value| {
            let is_it = RegistryName::of_key(key).as_ref() == Some(registry);
            // What cannot be read was something, too.
            had |= is_it && !matches!(entry::read(value), Ok(None));
            !is_it
        });
        Ok(had)
    }

    fn write(&self) -> Result<(), CredentialsError> {
        let mut bytes = Zeroizing::new(Vec::new());
        // As Docker does.
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut *bytes, formatter);
        self.root.serialize(&mut serializer).expect("invariant: maps with text keys are JSON");
        atomic::replace(&self.path, &bytes).map_err(failed("write", &self.path))
    }

    fn section(&self, key: &'static str) -> Result<Option<&Map<String, Value>>, CredentialsError> {
        match self.root.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(section)) => Ok(Some(section)),
            Some(_) => Err(self.shape(format!("`{key}`"), "should be an object")),
        }
    }

    fn text<'a>(&self, from: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, CredentialsError> {
        match from.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.shape(format!("{key:?}"), "should be a text")),
        }
    }

    fn shape(&self, what: String, expected: &'static str) -> CredentialsError {
        CredentialsError::Shape { path: self.path.clone(), what, expected }
    }
}

/// What a section has for `registry`: under the key that Docker uses, or else under another that means the same.
fn find<'a>(section: &'a Map<String, Value>, registry: &RegistryName) -> Option<(&'a String, &'a Value)> {
    let same = |(key, _): &(&String, &Value)| RegistryName::of_key(key).as_ref() == Some(registry);
    section.get_key_value(registry.key()).or_else(|| section.iter().find(same))
}

/// The object at `key`, which is made if there is none. `None`: it is something else.
fn filled<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// The file that is meant: who keeps it behind a link wants the link to stay.
fn destination(path: &Path) -> PathBuf {
    let beside = |target: PathBuf| path.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    fs::canonicalize(path).or_else(|_| fs::read_link(path).map(beside)).unwrap_or_else(|_| path.into())
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, CredentialsError> {
    // What is no file must not make us wait.
    let opened = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = match opened {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened.map_err(failed("open", path))?,
    };
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(failed("read", path)(io::Error::other("it is no regular file")));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len().min(MAX_LEN) as usize + 1));
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    match bytes.len() as u64 > MAX_LEN {
        true => Err(failed("read", path)(io::Error::other(format!("it has more than {MAX_LEN} bytes")))),
        false => Ok(Some(bytes)),
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CredentialsError {
    move |source| CredentialsError::File { operation, path: path.into(), source }
}
