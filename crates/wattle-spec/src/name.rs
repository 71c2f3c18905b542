//! Names that people give: apps, components, backends, namespaces. Each is parsed once, at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The most bytes a name may have, as in a DNS label.
pub const NAME_MAX_LEN: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`NAME_MAX_LEN`] bytes.
    #[error("a name has at most {NAME_MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// Something other than `a-z`, `0-9` and inner `-`.
    #[error("a name is made of lower-case letters, digits and inner hyphens, {0:?} is not")]
    BadCharacter(char),
}

fn checked(text: &str) -> Result<&str, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_MAX_LEN {
        return Err(NameError::TooLong(text.chars().count()));
    }
    let bad = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'));
    let edge = text.chars().next().filter(|c| *c == '-').or(text.chars().last().filter(|c| *c == '-'));
    match bad.or(edge) {
        Some(bad) => Err(NameError::BadCharacter(bad)),
        None => Ok(text),
    }
}

fn resembling(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    name.truncate(NAME_MAX_LEN);
    match name.trim_end_matches('-') {
        "" => "unnamed".into(),
        name => name.into(),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name that is most like `text`, such as the stem of a file: other characters become hyphens.
            pub fn resembling(text: &str) -> Self {
                Self(resembling(text).into())
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text).map(|name| Self(name.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

names! {
    /// What a user calls an app.
    AppName;
    /// What a manifest calls a component. Who a component is comes from the app that names it.
    ComponentName;
    /// What a manifest or a host calls a backend.
    BackendName;
    /// What a link leads to: the name of a backend or of a component.
    ProviderName;
    /// What a manifest calls those who share messages.
    GroupName;
    /// A part of a host or a lattice whose apps share names with nobody else's.
    Namespace;
}

impl ProviderName {
    /// The backend of this name.
    pub fn backend(&self) -> BackendName {
        BackendName(self.0.clone())
    }

    /// The component of this name.
    pub fn component(&self) -> ComponentName {
        ComponentName(self.0.clone())
    }
}

impl From<BackendName> for ProviderName {
    fn from(BackendName(name): BackendName) -> Self {
        Self(name)
    }
}

/// The name of a secret. As a file's name it leads nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(std::sync::Arc<str>);

/// Why a text is not the name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretNameError {
    /// Nothing was written, or too much.
    #[error("the name of a secret has 1 to {NAME_MAX_LEN} characters")]
    Length,
    /// Something other than letters, digits and inner `-`, `_` and `.`.
    #[error("the name of a secret is made of letters, digits and inner hyphens, underscores and dots")]
    Character,
}

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        if !(1..=NAME_MAX_LEN).contains(&text.len()) {
            return Err(SecretNameError::Length);
        }
        let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let bytes = text.as_bytes();
        match is_plain(bytes.first()) && is_plain(bytes.last()) && bytes.iter().all(inner) {
            true => Ok(Self(text.into())),
            false => Err(SecretNameError::Character),
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self("default".into())
    }
}

/// Which app: its namespace and its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId {
    /// The namespace, `default` unless somebody said otherwise.
    pub namespace: Namespace,
    /// The name in that namespace.
    pub name: AppName,
}

impl AppId {
    /// The app of this name in the default namespace.
    pub fn in_default_namespace(name: AppName) -> Self {
        Self { namespace: Namespace::default(), name }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// `NAMESPACE/NAME`, or `NAME` in the default namespace.
impl FromStr for AppId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((namespace, name)) => Ok(Self { namespace: namespace.parse()?, name: name.parse()? }),
            None => text.parse().map(Self::in_default_namespace),
        }
    }
}

impl Serialize for AppId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
