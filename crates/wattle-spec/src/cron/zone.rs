//! Time zones by their names in the [IANA database](https://www.iana.org/time-zones), which is compiled in.

use std::fmt;
use std::str::FromStr;

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::fault::nearest;

/// The most names that are looked at together for the nearest.
const LOOKED_AT: usize = 100;

/// A time zone: `Europe/Berlin`, `UTC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

/// There is no such time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {0:?}")]
pub struct ZoneError(String);

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        text.parse().map(Self).map_err(|_| ZoneError(text.into()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl ZoneError {
    /// What to write instead: the name that is near, or whose city it is.
    pub fn hint(&self) -> String {
        let Self(text) = self;
        let city = |zone: &&Tz| zone.name().rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text));
        let near = |zones: &[Tz]| nearest(text, zones.iter().map(|zone| zone.name()));
        let near = || nearest(text, TZ_VARIANTS.chunks(LOOKED_AT).filter_map(near).collect::<Vec<_>>());
        match TZ_VARIANTS.iter().find(city).map(|zone| zone.name()).or_else(near) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write a name of the IANA database, as in `Europe/Berlin` or `UTC`".into(),
        }
    }
}
