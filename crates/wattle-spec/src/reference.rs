//! The name of an artifact in a registry: `registry/repository:tag@digest`, as the OCI distribution specification
//! spells its parts.
//!
//! A place has one spelling once it is read, since rules, locks, notes and settings are found by it: host names are in
//! lower case, addresses as the system writes them, the port of https is left out, and Docker's own registry is
//! `docker.io`, its own images in `library/`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::Digest;

/// The tag that is meant where neither a tag nor a digest is written.
const LATEST: &str = "latest";
/// The longest name of a repository together with its registry: the specification's advice to registries.
const NAME_MAX_LEN: usize = 255;
const TAG_MAX_LEN: usize = 128;
/// What Docker's own registry is called, and what else it answers to.
pub(crate) const DOCKER: &str = "docker.io";
pub(crate) const DOCKER_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// Where it has the images that are called without a slash.
pub(crate) const DOCKER_OWN: &str = "library";
/// The port of https.
const USUAL_PORT: u16 = 443;

/// Where an artifact is. No registry is assumed: the first part is a host name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// Which of its artifacts.
    pub which: Which,
}

/// A place for artifacts in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    /// The host name of the registry as [`RegistryName`] spells it, with a port if that is not the usual one.
    pub registry: String,
    /// The path in it, of one part or more.
    pub path: String,
}

/// Which artifact of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Which {
    /// The one that a tag points to now.
    Tag(Tag),
    /// The one with this digest. A tag beside it is only told to people.
    Digest {
        /// The digest of the manifest.
        digest: Digest,
        /// What it was called when somebody wrote it down.
        tag: Option<Tag>,
    },
}

/// The host name of a registry in its one spelling, with a port if that is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryName(String);

/// A name that a repository points to an artifact with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It begins as an URL does.
    #[error("{0:?} begins with a scheme, and a reference has none")]
    Scheme(String),
    /// The first part is no host name.
    #[error("{0:?} names no registry")]
    NoRegistry(String),
    /// There is nothing after the registry, or something that no repository is called.
    #[error("{0:?} is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them")]
    Repository(String),
    /// It is longer than registries take.
    #[error("the name of a repository has at most {NAME_MAX_LEN} bytes, its registry included")]
    TooLong,
    /// No tag is called so.
    #[error("{0:?} is no tag: at most {TAG_MAX_LEN} of a-z, A-Z, 0-9, `_`, `.` and `-`, the first no `.` or `-`")]
    Tag(String),
    /// What follows the `@` is none.
    #[error("{0:?} is no digest: `sha256:` and 64 lower-case hex digits")]
    Digest(String),
}

/// Why a text does not name a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host name of a registry, as in ghcr.io or localhost:5000")]
pub struct RegistryNameError(String);

impl ReferenceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReferenceError::Scheme(text) => {
                let (_, rest) = text.split_once("://")?;
                Some(format!("write it as in `{}`", rest.trim_start_matches('/')))
            }
            ReferenceError::NoRegistry(text) => {
                Some(format!("write the registry in front, as in `ghcr.io/{text}` or `localhost:5000/{text}`"))
            }
            _ => None,
        }
    }
}

impl Reference {
    /// The tag that it names, if its digest does not decide.
    pub fn tag(&self) -> Option<&Tag> {
        match &self.which {
            Which::Tag(tag) => Some(tag),
            Which::Digest { .. } => None,
        }
    }

    /// The digest that it names.
    pub fn digest(&self) -> Option<Digest> {
        match self.which {
            Which::Digest { digest, .. } => Some(digest),
            Which::Tag(_) => None,
        }
    }

    /// The same artifact for as long as it exists: what the tag pointed to when `digest` was found.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        let tag = match &self.which {
            Which::Tag(tag) => Some(tag.clone()),
            Which::Digest { tag, .. } => tag.clone(),
        };
        Self { repository: self.repository.clone(), which: Which::Digest { digest, tag } }
    }
}

impl Repository {
    /// The artifact in it that has this digest.
    pub fn at(&self, digest: Digest) -> Reference {
        Reference { repository: self.clone(), which: Which::Digest { digest, tag: None } }
    }
}

impl RegistryName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegistryName {
    type Err = RegistryNameError;

    fn from_str(text: &str) -> Result<Self, RegistryNameError> {
        let name = Some(text).filter(|text| is_registry(text)).and_then(authority);
        name.map(Self).ok_or_else(|| RegistryNameError(text.into()))
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tag {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `host` can only be a host: Docker's rule that tells `localhost/x`, `a.io/x` and `a:5000/x` from a path.
pub fn is_registry(host: &str) -> bool {
    host == "localhost" || host.contains(['.', ':'])
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains("://") {
            return Err(ReferenceError::Scheme(text.into()));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse().map_err(|_| ReferenceError::Digest(digest.into()))?)),
            None => (text, None),
        };
        let (registry, rest) = name.split_once('/').ok_or_else(|| ReferenceError::NoRegistry(name.into()))?;
        let Ok(RegistryName(registry)) = registry.parse() else {
            return Err(ReferenceError::NoRegistry(name.into()));
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        if !path.split('/').all(is_path_part) {
            return Err(ReferenceError::Repository(path.into()));
        }
        let path = match registry == DOCKER && !path.contains('/') {
            true => format!("{DOCKER_OWN}/{path}"),
            false => path.into(),
        };
        if registry.len() + 1 + path.len() > NAME_MAX_LEN {
            return Err(ReferenceError::TooLong);
        }
        let which = match digest {
            Some(digest) => Which::Digest { digest, tag },
            None => Which::Tag(tag.unwrap_or_else(|| Tag(LATEST.into()))),
        };
        Ok(Self { repository: Repository { registry, path }, which })
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_char = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
        let fits = (1..=TAG_MAX_LEN).contains(&text.len()) && text.bytes().all(is_char);
        match fits && !text.starts_with(['.', '-']) {
            true => Ok(Self(text.into())),
            false => Err(ReferenceError::Tag(text.into())),
        }
    }
}

/// A host name or an address, with or without a port, in its one spelling.
fn authority(text: &str) -> Option<String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = host_name(host)?;
    let port = match port {
        Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => port.parse::<u16>().ok().filter(|port| *port > 0)?,
        Some(_) => return None,
        None => return Some(host),
    };
    // A name of one word is that of a registry for its port alone.
    match port == USUAL_PORT && is_registry(&host) {
        true => Some(host),
        false => Some(format!("{host}:{port}")),
    }
}

/// A host name or an address in its one spelling.
fn host_name(text: &str) -> Option<String> {
    if let Some(v6) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = text.to_ascii_lowercase();
    if !host.split('.').all(is_label) {
        return None;
    }
    // What ends in a number is taken for an address by whoever connects, in spellings that nobody recognises.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let is_hex = last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()));
    if (is_number(last) || is_hex) && host.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    match DOCKER_ALIASES.contains(&host.as_str()) {
        true => Some(DOCKER.into()),
        false => Some(host),
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_part(part: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = part.split(|c: char| c.is_ascii() && is_word(c as u8));
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|c| c == b'-');
    let edges = part.bytes().next().is_some_and(is_word) && part.bytes().last().is_some_and(is_word);
    edges && separators.all(is_separator)
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        match &self.which {
            Which::Tag(tag) => write!(f, ":{tag}"),
            Which::Digest { digest, tag: Some(tag) } => write!(f, ":{tag}@{digest}"),
            Which::Digest { digest, tag: None } => write!(f, "@{digest}"),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
