//! What somebody says of an artifact by signing it, beyond that it is theirs.
//!
//! Annotations are where cosign has them, at the subject, so that `cosign verify -a NAME=VALUE` finds them. The times
//! are Wattle's own, in cosign's otherwise empty predicate; cosign does not look at them.

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{SignError, SignatureError, excerpt};
use crate::format::manifest::Annotations;

/// How far ahead the clock of who signed may be.
pub const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What is said. Times are kept in whole seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// When it was signed, by the clock of who did. cosign does not say.
    pub signed: Option<DateTime<Utc>>,
    /// From when on the signature is worth nothing. Without it, it stays.
    pub expires: Option<DateTime<Utc>>,
    /// Texts by name. What is no text, in a signature that others made, is read as JSON.
    pub annotations: Annotations,
}

/// The predicate of a signature.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Predicate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl Claims {
    /// That it is signed at `now`, and nothing else.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { signed: Some(now), ..Self::default() }
    }

    pub(super) fn predicate(&self) -> Result<Predicate, SignError> {
        if let (Some(signed), Some(expires)) = (self.signed, self.expires)
            && expires <= signed
        {
            return Err(SignError::ExpiresFirst { signed, expires });
        }
        let write = |when: Option<DateTime<Utc>>| when.map(write).transpose();
        Ok(Predicate { signed: write(self.signed)?, expires: write(self.expires)? })
    }

    pub(super) fn read(predicate: Value, annotations: Annotations) -> Result<Self, SignatureError> {
        let predicate: Option<Predicate> = serde_json::from_value(predicate).map_err(SignatureError::Claims)?;
        let predicate = predicate.unwrap_or_default();
        Ok(Self {
            signed: read("signed", predicate.signed)?,
            expires: read("expires", predicate.expires)?,
            annotations,
        })
    }

    /// Whether the times allow it to be believed at `now`.
    pub(super) fn hold(&self, now: DateTime<Utc>) -> Result<(), SignatureError> {
        match (self.signed, self.expires) {
            (_, Some(expires)) if expires <= now => Err(SignatureError::Expired { expires }),
            (Some(signed), _) if signed.signed_duration_since(now) > CLOCK_SKEW => {
                Err(SignatureError::NotYet { signed, now })
            }
            _ => Ok(()),
        }
    }
}

fn write(when: DateTime<Utc>) -> Result<String, SignError> {
    // RFC 3339 has no other years.
    if !(0..=9999).contains(&when.year()) {
        return Err(SignError::Year { year: when.year() });
    }
    Ok(when.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn read(claim: &'static str, text: Option<String>) -> Result<Option<DateTime<Utc>>, SignatureError> {
    let Some(text) = text else { return Ok(None) };
    match DateTime::parse_from_rfc3339(&text) {
        Ok(when) => Ok(Some(when.to_utc())),
        Err(source) => Err(SignatureError::Time { claim, text: excerpt(&text), source }),
    }
}
