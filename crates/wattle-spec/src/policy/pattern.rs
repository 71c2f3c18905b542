//! Patterns for names in rules: `ghcr.io/acme/*`, `ghcr.io/**`, `shop-*`.
//!
//! Names have one spelling, and so has what a pattern says without stars: the registry in front is spelled as
//! [`RegistryName`] spells it, and Docker's own images are in `library/`. What would be about nothing for its spelling is
//! refused.

use std::fmt;
use std::str::FromStr;

use crate::reference::{DOCKER, DOCKER_ALIASES, DOCKER_OWN, RegistryName};

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
    /// Names are in lower case, and what is no host name is not made so in silence.
    #[error("{found:?} is in no name: names are in lower case")]
    Capital {
        /// The first one.
        found: char,
        /// The pattern in lower case.
        lower: String,
    },
    /// References do not have their registry spelled so, so that the rule would never apply.
    #[error("no reference is about the registry {written:?}, whatever the stars stand for: it is spelled {right:?}")]
    Registry {
        /// What is before the first `/`.
        written: String,
        /// What to write in its place.
        right: String,
    },
    /// Nobody can say what it means.
    #[error("`***` means nothing: `*` stands for any characters but `/`, `**` for any")]
    Stars,
    /// What a rule is about is a repository, whatever its tags.
    #[error("a pattern is for repositories, and {0:?} is a tag or a digest")]
    Tag(String),
}

impl NamePatternError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Capital { lower, .. } => Some(format!("write `{lower}`")),
            Self::Registry { right, .. } => Some(format!("write `{right}/` in front")),
            _ => None,
        }
    }
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
        let text = in_one_spelling(text)?;
        let is_known = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | ':' | '/' | '*' | '[' | ']');
        if let Some(bad) = text.chars().find(|c| !is_known(*c) && !c.is_ascii_uppercase()) {
            return Err(NamePatternError::BadCharacter(bad));
        }
        if let Some(found) = text.chars().find(char::is_ascii_uppercase) {
            return Err(NamePatternError::Capital { found, lower: text.to_ascii_lowercase() });
        }
        match text.contains("***") {
            true => Err(NamePatternError::Stars),
            // It is longer than what was written for `library/`.
            false if text.len() > MAX_LEN => Err(NamePatternError::TooLong),
            false => Ok(Self(text)),
        }
    }
}

/// The pattern with its registry as references have it, and with where Docker's registry has its own images.
fn in_one_spelling(text: &str) -> Result<String, NamePatternError> {
    let Some((written, path)) = text.split_once('/') else { return Ok(text.into()) };
    if written.contains('*') {
        return check_stars(written).map(|()| text.into());
    }
    // What is no registry is told of where it is known that the rule is about repositories.
    let registry = written.parse().map_or_else(|_| written.to_owned(), |name: RegistryName| name.as_str().into());
    let is_own = registry == DOCKER && !path.is_empty() && !path.contains('/') && !path.contains("**");
    Ok(match is_own {
        true => format!("{registry}/{DOCKER_OWN}/{path}"),
        false => format!("{registry}/{path}"),
    })
}

/// Refuses a registry with stars that stand for what no reference has in its one spelling.
fn check_stars(written: &str) -> Result<(), NamePatternError> {
    let wrong = |right: &str| Err(NamePatternError::Registry { written: written.into(), right: right.into() });
    if let Some(host) = written.strip_suffix(":443") {
        return wrong(host);
    }
    let matches = |name: &&str| NamePattern(written.to_ascii_lowercase()).matches(name);
    match written.contains("docker") && DOCKER_ALIASES.iter().any(matches) && !matches(&DOCKER) {
        true => wrong(DOCKER),
        false => Ok(()),
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
