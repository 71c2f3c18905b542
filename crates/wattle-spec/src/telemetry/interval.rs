//! How often something is told.

use std::str::FromStr;
use std::time::Duration;

use crate::units::{Span, UnitError};

/// The shortest time between two times.
const MIN: Duration = Duration::from_millis(100);

/// The time between two times, at least 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Duration);

/// Why a text is not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntervalError {
    /// No span of time.
    #[error(transparent)]
    Span(#[from] UnitError),
    /// Too short.
    #[error("an interval is at least 100ms")]
    TooShort,
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let Span(interval) = text.parse()?;
        if interval < MIN { Err(IntervalError::TooShort) } else { Ok(Self(interval)) }
    }
}
