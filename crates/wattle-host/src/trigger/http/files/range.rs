//! The part of a file that a client asks for: one range of bytes (RFC 9110, section 14).

use http::{HeaderMap, header};

use crate::answer::Failure;

/// A part of a file, by its first and its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Part {
    /// What is asked for of `size` bytes. `None`: everything, which is also the answer to several ranges and to what is
    /// no range at all.
    ///
    /// # Errors
    ///
    /// If there are no such bytes.
    pub(super) fn asked(headers: &HeaderMap, size: u64) -> Result<Option<Self>, Failure> {
        let mut values = headers.get_all(header::RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Ok(None) };
        match value.to_str().ok().and_then(Wanted::parse) {
            Some(wanted) => wanted.within(size).map(Some).ok_or(Failure::NoSuchRange { size }),
            None => Ok(None),
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// A range as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// `bytes=2-` and `bytes=2-5`.
    From { first: u64, last: Option<u64> },
    /// `bytes=-5`: so many bytes at the end.
    Last(u64),
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", last) => number(last).map(Wanted::Last),
            (first, "") => Some(Wanted::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Wanted::From { first, last: Some(last) })
            }
        }
    }

    fn within(self, size: u64) -> Option<Part> {
        let end = size.checked_sub(1)?;
        match self {
            Wanted::Last(0) => None,
            Wanted::Last(count) => Some(Part { first: size.saturating_sub(count), last: end }),
            Wanted::From { first, last } => {
                (first <= end).then(|| Part { first, last: last.map_or(end, |last| last.min(end)) })
            }
        }
    }
}

/// A number that is digits only; what is too large for us is as good as endless.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// What of ten bytes is answered: the first and the last, everything, or that there are none.
    fn check(range: &'static str, size: u64, expected: &str) {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
        let told = match Part::asked(&headers, size) {
            Ok(Some(part)) => format!("{}-{}", part.first, part.last),
            Ok(None) => "everything".into(),
            Err(failure) => failure.code().as_str().into(),
        };
        assert_eq!(told, expected, "{range} of {size}");
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-0", "0-0"),
            ("bytes=2-5", "2-5"),
            ("bytes=2-", "2-9"),
            ("bytes=2-99", "2-9"),
            ("bytes=2-99999999999999999999999", "2-9"),
            ("bytes=-3", "7-9"),
            ("bytes=-99", "0-9"),
            ("Bytes=1-2", "1-2"),
            ("bytes=10-", "no-such-range"),
            ("bytes=99999999999999999999999-", "no-such-range"),
            ("bytes=-0", "no-such-range"),
            ("bytes=5-2", "everything"),
            ("bytes=0-1,4-5", "everything"),
            ("bytes=", "everything"),
            ("bytes=-", "everything"),
            ("bytes=+1-2", "everything"),
            ("bytes=a-b", "everything"),
            ("bytes 1-2", "everything"),
            ("lines=1-2", "everything"),
        ] {
            check(range, 10, expected);
        }
        check("bytes=0-", 0, "no-such-range");
        check("bytes=-1", 0, "no-such-range");
    }
}
