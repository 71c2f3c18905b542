//! A point in time as it is written: in UTC, as RFC 3339 has it, whole seconds or milliseconds.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The digits of a second's parts that are written, at most.
const MILLISECONDS: u16 = 3;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub DateTime<Utc>);

impl Moment {
    /// Its day, in UTC.
    pub fn date(&self) -> impl fmt::Display {
        self.0.date_naive()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.0.timestamp_subsec_millis() {
            0 => SecondsFormat::Secs,
            _ => SecondsFormat::Millis,
        };
        f.pad(&self.0.to_rfc3339_opts(format, true))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(de::Error::custom)?;
        // What could not be written again is not kept: parts of milliseconds, and years that have no four digits in UTC.
        match time.to_utc().trunc_subsecs(MILLISECONDS) {
            time if (0..=9999).contains(&time.year()) => Ok(Self(time)),
            _ => Err(de::Error::custom("it is in no year from 0 to 9999")),
        }
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "date-time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-03-01T12:00:00Z"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let check = |text: &str, expected: Option<&str>| {
            let read: Option<Moment> = serde_json::from_value(text.into()).ok();
            assert_eq!(read.map(|moment| moment.to_string()).as_deref(), expected, "{text}");
            let again = read.map(|moment| serde_json::from_value(moment.to_string().into()).expect("a moment"));
            assert_eq!(again, read, "{text}");
        };
        check("2026-03-01T12:00:00Z", Some("2026-03-01T12:00:00Z"));
        check("2026-03-01T13:00:00.25+01:00", Some("2026-03-01T12:00:00.250Z"));
        check("2026-03-01T12:00:00.184467440737Z", Some("2026-03-01T12:00:00.184Z"));
        check("2026-03-01T12:00:00.000001Z", Some("2026-03-01T12:00:00Z"));
        check("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z"));
        check("9999-12-31T23:59:59-01:00", None);
        check("0000-01-01T00:00:00+01:00", None);
    }
}
