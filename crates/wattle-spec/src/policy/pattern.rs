//! Patterns for names in rules: `ghcr.io/acme/*`, `ghcr.io/**`, `shop-*`.

use std::fmt;
use std::str::FromStr;

/// The most bytes of a pattern.
const MAX_LEN: usize = 255;

/// A pattern for names: `*` stands for any characters but `/`, `**` for any at all, everything else for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern(String);

/// Why a text is not a pattern for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// Nothing was written.
    #[error("a pattern must not be empty")]
    Empty,
    /// It is longer than any name.
    #[error("a pattern has at most {MAX_LEN} bytes")]
    TooLong,
    /// No name has such a character, so that the rule would never apply.
    #[error("{0:?} is in no name: a pattern is made of a-z, 0-9, `.`, `_`, `-`, `:`, `/`, `[`, `]` and `*`")]
    BadCharacter(char),
    /// Nobody can say what it means.
    #[error("`***` means nothing: `*` stands for any characters but `/`, `**` for any")]
    Stars,
    /// What a rule is about is a repository, whatever its tags.
    #[error("a pattern is for repositories, and {0:?} is a tag or a digest")]
    Tag(String),
}

impl NamePattern {
    /// Whether `name` is one of those that are meant.
    pub fn matches(&self, name: &str) -> bool {
        // The ends that what was read of the pattern can have in the name: no more work than pattern times name.
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let mut ends = vec![false; name.len() + 1];
        ends[0] = true;
        let mut at = 0;
        while let Some(byte) = pattern.get(at) {
            let any = pattern[at..].starts_with(b"**");
            match byte {
                b'*' => {
                    for index in 1..ends.len() {
                        ends[index] |= ends[index - 1] && (any || name[index - 1] != b'/');
                    }
                }
                byte => {
                    for index in (1..ends.len()).rev() {
                        ends[index] = ends[index - 1] && name[index - 1] == *byte;
                    }
                    ends[0] = false;
                }
            }
            at += if any { 2 } else { 1 };
        }
        ends[name.len()]
    }
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, NamePatternError> {
        if text.is_empty() {
            return Err(NamePatternError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(NamePatternError::TooLong);
        }
        if let Some((_, tag)) = text.split_once('@').or_else(|| text.rsplit_once('/')?.1.split_once(':')) {
            return Err(NamePatternError::Tag(tag.into()));
        }
        let is_known = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | ':' | '/' | '*' | '[' | ']');
        if let Some(bad) = text.chars().find(|c| !is_known(c)) {
            return Err(NamePatternError::BadCharacter(bad));
        }
        match text.contains("***") {
            true => Err(NamePatternError::Stars),
            false => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
