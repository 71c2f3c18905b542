//! Labels: names under which a package is linked more than once, and the keys of links that have them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::interface::{Interface, InterfaceError};
use crate::name::NAME_MAX_LEN;

/// What a component calls one of several links of a package: the name that it opens, or that of an import.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Arc<str>);

/// Why a text is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing was written.
    #[error("a label must not be empty")]
    Empty,
    /// Longer than [`NAME_MAX_LEN`] bytes.
    #[error("a label has at most {NAME_MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// Something other than ASCII letters, digits, `-`, `_` and `.`.
    #[error("a label is made of letters, digits, `-`, `_` and `.`, {0:?} is not")]
    BadCharacter(char),
}

impl Label {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        if text.len() > NAME_MAX_LEN {
            return Err(LabelError::TooLong(text.chars().count()));
        }
        match text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
            Some(bad) => Err(LabelError::BadCharacter(bad)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a link speaks of: a package or an interface, `wasi:keyvalue`, and under a label only that: `wasi:keyvalue#sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkKey {
    /// The interfaces.
    pub interface: Interface,
    /// The label; absent when everything is meant that has no link of its own.
    pub label: Option<Label>,
}

/// Why a text is not the key of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkKeyError {
    /// What is before `#`.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// What is after it.
    #[error(transparent)]
    Label(#[from] LabelError),
}

impl FromStr for LinkKey {
    type Err = LinkKeyError;

    fn from_str(text: &str) -> Result<Self, LinkKeyError> {
        let (interface, label) = match text.split_once('#') {
            Some((interface, label)) => (interface, Some(label.parse()?)),
            None => (text, None),
        };
        Ok(Self { interface: interface.parse()?, label })
    }
}

impl Serialize for LinkKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{}#{label}", self.interface),
            None => self.interface.fmt(f),
        }
    }
}
