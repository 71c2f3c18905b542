//! Quantities as people write them: `64MiB`, `10s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes. Written as a whole number with `B`, `KiB`, `MiB` or `GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A span of time. Written as a whole number with `ms`, `s`, `m` or `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes as people read it: about, with three digits, in the largest unit of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About(pub u64);

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a whole number followed by one of the units.
    #[error("expected a whole number and one of the units {units}, as in {example:?}")]
    Form {
        /// The units there are.
        units: &'static str,
        /// A quantity that is right.
        example: &'static str,
    },
    /// The number does not fit.
    #[error("the number is too large")]
    TooLarge,
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let form = UnitError::Form { units: "B, KiB, MiB, GiB", example: "64MiB" };
        let (number, unit) = split(text.trim());
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(form),
        };
        if number.is_empty() {
            return Err(form);
        }
        let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
        number.checked_mul(1 << shift).map(Self).ok_or(UnitError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        let unit = units.iter().find(|(shift, _)| self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift));
        match unit {
            Some((shift, name)) => write!(f, "{}{name}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut value, mut units) = (self.0 as f64, ["B", "KiB", "MiB"].into_iter());
        while value >= 999.5 {
            let Some(_) = units.next() else { break };
            value /= 1024.0;
        }
        write!(f, "{} {}", three_digits(value), units.next().unwrap_or("GiB"))
    }
}

/// A number that is not negative, with three digits, where it has not more before its point.
pub fn three_digits(value: f64) -> String {
    let text = match value {
        0.0 => return "0".into(),
        ..0.01 => return "<0.01".into(),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => return format!("{value:.0}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let form = UnitError::Form { units: "ms, s, m, h", example: "10s" };
        let (number, unit) = split(text.trim());
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(form),
        };
        if number.is_empty() {
            return Err(form);
        }
        let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
        number.checked_mul(unit_ms).map(|ms| Self(Duration::from_millis(ms))).ok_or(UnitError::TooLarge)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match units.iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", ms / unit),
            None => write!(f, "{ms}ms"),
        }
    }
}
