//! When something is due, as five or six fields: [cron](https://man7.org/linux/man-pages/man5/crontab.5.html), read by
//! the library croner.
//!
//! A schedule of one second, minute and hour is due once a day whatever the clock does: where the clock skips its time,
//! at the first moment after the gap; where its time comes twice, the first time. Every other schedule is due at each
//! time that the clock shows, twice where it shows it twice, never where it shows it not.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, DurationRound, TimeDelta, TimeZone, Utc};
use croner::Cron;
use croner::parser::CronParser;

use super::Zone;
use super::field::FIELDS;
use crate::fault::{listed, nearest};

/// Names of schedules, each with its fields.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Within these years every combination of a date and a day of the week comes that ever does.
const A_CYCLE_OF_YEARS: &str = "2000-2060";

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    cron: Box<Cron>,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five nor six fields.
    #[error("a schedule has five fields, or six with seconds in front, this one has {0}")]
    Fields(usize),
    /// A name that no schedule has.
    #[error("there is no schedule called {0:?}")]
    Nickname(String),
    /// A field with something that cannot stand there.
    #[error("the {name} of the schedule cannot be {text:?}")]
    Field {
        /// What the field is called.
        name: &'static str,
        /// What stands there.
        text: String,
        /// What may stand there.
        hint: String,
    },
    /// A time that no calendar has.
    #[error("{0:?} never comes")]
    Never(String),
}

impl Schedule {
    /// The first time after `time` at which it is due on the clock of `zone`. `None`: there is none before the year 5000.
    pub fn next_after(&self, zone: Zone, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let second = time.duration_trunc(TimeDelta::seconds(1)).ok()?;
        let found = self.cron.find_next_occurrence(&zone.0.from_utc_datetime(&second.naive_utc()), false).ok()?;
        Some(found.with_timezone(&Utc)).filter(|found| *found > time)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let written = match text.starts_with('@') {
            true => {
                let found = NICKNAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
                found.ok_or_else(|| ScheduleError::Nickname(text.clone()))?.1
            }
            false => &text,
        };
        let fields: Vec<&str> = match written.split_whitespace().count() {
            5 => ["0"].into_iter().chain(written.split(' ')).collect(),
            6 => written.split(' ').collect(),
            count => return Err(ScheduleError::Fields(count)),
        };
        for (place, (field, text)) in FIELDS.iter().zip(&fields).enumerate() {
            let wrong = |hint| ScheduleError::Field { name: field.name, text: (*text).into(), hint };
            field.check(place, text).map_err(wrong)?;
        }
        let never = || ScheduleError::Never(text.clone());
        let parsed = |text: &str| CronParser::new().parse(text).map_err(|_| never());
        let in_years = parsed(&format!("{} {A_CYCLE_OF_YEARS}", fields.join(" ")))?;
        in_years.find_next_occurrence(&DateTime::UNIX_EPOCH, true).map_err(|_| never())?;
        let cron = Box::new(parsed(&fields.join(" "))?);
        Ok(Self { text, cron })
    }
}

impl ScheduleError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            ScheduleError::Fields(_) => {
                "they are minute, hour, day of the month, month, day of the week: `30 4 * * *` is half past four each day"
                    .into()
            }
            ScheduleError::Nickname(name) => match nearest(name, NICKNAMES.map(|(name, _)| name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", listed(NICKNAMES.map(|(name, _)| name))),
            },
            ScheduleError::Field { hint, .. } => hint.clone(),
            ScheduleError::Never(_) => "no year has such a day; `L` is the last day of a month".into(),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
