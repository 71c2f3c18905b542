//! What a message is about: a subject, and patterns of subjects, with the grammar of NATS.
//!
//! A subject is made of tokens with dots between them. In a pattern a token `*` stands for any one token, and a last
//! token `>` for one or more. [Source](https://docs.nats.io/nats-concepts/subjects).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The most bytes that a subject or a pattern may have.
pub const SUBJECT_MAX_BYTES: usize = 1024;

/// What a subject begins with that a request waits at for its answer. Nobody hears of such subjects but who asked.
pub const REPLY_PREFIX: &str = "_INBOX.";

/// Why a text is not a subject or not a pattern of subjects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Nothing was written.
    #[error("a subject must not be empty")]
    Empty,
    /// Longer than [`SUBJECT_MAX_BYTES`].
    #[error("a subject has at most {SUBJECT_MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Two dots in a row, or one at an end.
    #[error("there is nothing between two dots of {0:?}, or before the first, or after the last")]
    EmptyToken(String),
    /// White space or a control character.
    #[error("a subject has no white space and no control characters, {0:?} is one")]
    BadCharacter(char),
    /// A wildcard where there can be none.
    #[error("{0:?} has a wildcard, and a message is about one subject")]
    Wildcard(String),
    /// `>` before the end.
    #[error("`>` stands for the rest, so nothing can follow it in {0:?}")]
    RestInside(String),
    /// `*` or `>` beside other characters.
    #[error("`*` and `>` are wildcards only as whole tokens, in {0:?} one is not")]
    PartOfToken(String),
}

/// What one message is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

/// Which subjects somebody wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectPattern(Arc<str>);

fn tokens(text: &str) -> Result<std::str::Split<'_, char>, SubjectError> {
    if text.is_empty() {
        return Err(SubjectError::Empty);
    }
    if text.len() > SUBJECT_MAX_BYTES {
        return Err(SubjectError::TooLong(text.len()));
    }
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(SubjectError::BadCharacter(bad));
    }
    match text.split('.').any(str::is_empty) {
        true => Err(SubjectError::EmptyToken(text.into())),
        false => Ok(text.split('.')),
    }
}

impl Subject {
    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SubjectPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a message about `subject` is meant.
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut tokens = subject.0.split('.');
        for wanted in self.0.split('.') {
            match (wanted, tokens.next()) {
                (_, None) => return false,
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        match tokens(text)?.any(|token| token.contains(['*', '>'])) {
            true => Err(SubjectError::Wildcard(text.into())),
            false => Ok(Self(text.into())),
        }
    }
}

impl FromStr for SubjectPattern {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let mut tokens = tokens(text)?.peekable();
        while let Some(token) = tokens.next() {
            match token {
                ">" if tokens.peek().is_some() => return Err(SubjectError::RestInside(text.into())),
                "*" | ">" => {}
                token if token.contains(['*', '>']) => return Err(SubjectError::PartOfToken(text.into())),
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }
}

impl From<Subject> for SubjectPattern {
    fn from(subject: Subject) -> Self {
        Self(subject.0)
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
