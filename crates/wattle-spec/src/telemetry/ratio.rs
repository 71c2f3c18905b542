//! A part of a whole, as people write it: `10%`.

use std::fmt;
use std::str::FromStr;

/// A part of a whole, in millionths. Written as a percentage with at most four decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

/// Why a text is not a part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// Not a percentage.
    #[error("expected a percentage from 0% to 100%, as in \"10%\"")]
    Percentage,
    /// Not a fraction.
    #[error("expected a number from 0 to 1, as in 0.1")]
    Fraction,
}

impl Ratio {
    /// The whole.
    pub const ALL: Self = Self(1_000_000);
    /// Nothing of it.
    pub const NONE: Self = Self(0);

    /// How many of a million.
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// Reads a number from 0 to 1, the form of the variables of OpenTelemetry.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub fn from_fraction(text: &str) -> Result<Self, RatioError> {
        let number: f64 = text.trim().parse().map_err(|_| RatioError::Fraction)?;
        Self::of(number).ok_or(RatioError::Fraction)
    }

    fn of(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then(|| Self((fraction * 1e6).round() as u32))
    }
}

impl FromStr for Ratio {
    type Err = RatioError;

    fn from_str(text: &str) -> Result<Self, RatioError> {
        let number = text.trim().strip_suffix('%').ok_or(RatioError::Percentage)?;
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = number.parse().ok().filter(|_| is_plain).ok_or(RatioError::Percentage)?;
        Self::of(percent / 100.0).ok_or(RatioError::Percentage)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}
