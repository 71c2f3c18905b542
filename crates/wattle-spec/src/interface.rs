//! Interfaces: `namespace:package/name@version`, parsed, never matched as text.
//!
//! The grammar is that of the component model's import names
//! (<https://github.com/WebAssembly/component-model/blob/main/design/mvp/Explainer.md#import-and-export-definitions>).

use std::fmt;
use std::str::FromStr;

use semver::Version;

/// A package, or one interface of it: `wasi:keyvalue`, `wasi:keyvalue/store`, `wasi:keyvalue/store@0.2.0-draft`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interface {
    /// `wasi`
    pub namespace: String,
    /// `keyvalue`
    pub package: String,
    /// `store`; absent when the whole package is meant.
    pub name: Option<String>,
    /// `0.2.0-draft`; absent when any version is meant or the interface has none.
    pub version: Option<Version>,
}

/// Why a text is not an interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceError {
    /// No `namespace:package`.
    #[error("an interface is written namespace:package/name@version, as in wasi:keyvalue/store")]
    Form,
    /// What follows `@` is not a version.
    #[error("{0:?} is not a semantic version, as in 0.2.0")]
    Version(String),
}

impl Interface {
    /// Whether a provider of `self` serves a component that imports `wanted`: same name, and versions of one
    /// semver track. Pre-releases (`0.2.0-draft`) match exactly only, an interface without a version likewise.
    pub fn serves(&self, wanted: &Interface) -> bool {
        self.same_name(wanted)
            && match (&self.version, &wanted.version) {
                (None, None) => true,
                (Some(ours), Some(theirs)) => ours == theirs || track(ours).is_some() && track(ours) == track(theirs),
                _ => false,
            }
    }

    /// What all interfaces have in common of which one serves the others: the name, and the lowest version of its track.
    pub fn track(&self) -> Interface {
        let lowest = |version: &Version| {
            track(version).map_or_else(|| version.clone(), |(major, minor, patch)| Version::new(major, minor, patch))
        };
        Interface { version: self.version.as_ref().map(lowest), ..self.clone() }
    }

    /// Whether `self`, written as a key in a manifest, speaks of `import`: a package speaks of all its interfaces,
    /// a key without a version of every version.
    pub fn covers(&self, import: &Interface) -> bool {
        self.namespace == import.namespace
            && self.package == import.package
            && (self.name.is_none() || self.name == import.name)
            && match (&self.version, &import.version) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(key), Some(import)) => key == import || track(key).is_some() && track(key) == track(import),
            }
    }

    /// The same package, whatever the interface and version.
    pub fn package_key(&self) -> Interface {
        Interface { name: None, version: None, ..self.clone() }
    }

    fn same_name(&self, other: &Interface) -> bool {
        (&self.namespace, &self.package, &self.name) == (&other.namespace, &other.package, &other.name)
    }
}

/// The part of a version that must be equal for two to be compatible. `None`: only the exact version will do.
fn track(version: &Version) -> Option<(u64, u64, u64)> {
    if !version.pre.is_empty() {
        return None;
    }
    Some(match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    })
}

fn is_label(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl FromStr for Interface {
    type Err = InterfaceError;

    fn from_str(text: &str) -> Result<Self, InterfaceError> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let version =
            version.map(|text| Version::parse(text).map_err(|_| InterfaceError::Version(text.into()))).transpose()?;
        let (namespace, rest) = path.split_once(':').ok_or(InterfaceError::Form)?;
        let (package, name) = match rest.split_once('/') {
            Some((package, name)) => (package, Some(name)),
            None => (rest, None),
        };
        if ![Some(namespace), Some(package), name].into_iter().flatten().all(is_label) {
            return Err(InterfaceError::Form);
        }
        Ok(Self { namespace: namespace.into(), package: package.into(), name: name.map(Into::into), version })
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.package)?;
        if let Some(name) = &self.name {
            write!(f, "/{name}")?;
        }
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}
