//! What tells one state of a file from another, and the conditions that clients put on it (RFC 9110, section 13).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::answer::Failure;

/// The first second of the year 10000: no date of HTTP is later.
const DATES_END: u64 = 253_402_300_800;

/// The state of a file.
pub(super) struct Validators {
    /// Its size, its time to the nanosecond and its number in the file system: a file that is written or replaced differs.
    pub(super) etag: HeaderValue,
    /// When it was changed, in whole seconds. `None`: a time that no date of HTTP can say.
    last_modified: Option<SystemTime>,
}

/// Who has the state that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// The client: it needs no body.
    Client,
    /// The server alone.
    Server,
}

impl Validators {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let Ok(etag) = HeaderValue::try_from(format!(
            "\"{:x}-{:x}.{:x}-{:x}\"",
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ino()
        )) else {
            unreachable!("hex digits in quotes are a header value")
        };
        let seconds = u64::try_from(metadata.mtime()).ok().filter(|seconds| *seconds < DATES_END);
        Self { etag, last_modified: seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)) }
    }

    pub(super) fn last_modified_value(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(httpdate::fmt_http_date(self.last_modified?)).ok()
    }

    /// Who has this state already, in the order of section 13.2.2.
    ///
    /// # Errors
    ///
    /// If the client wants an answer only of another state.
    pub(super) fn judge(&self, asked: &HeaderMap) -> Result<Fresh, Failure> {
        let met = match asked.contains_key(header::IF_MATCH) {
            true => self.is_listed(asked, header::IF_MATCH, Comparison::Strong),
            false => self.is_unchanged_since(asked, header::IF_UNMODIFIED_SINCE) != Some(false),
        };
        if !met {
            return Err(Failure::PreconditionFailed);
        }
        let known = match asked.contains_key(header::IF_NONE_MATCH) {
            true => self.is_listed(asked, header::IF_NONE_MATCH, Comparison::Weak),
            false => self.is_unchanged_since(asked, header::IF_MODIFIED_SINCE) == Some(true),
        };
        Ok(if known { Fresh::Client } else { Fresh::Server })
    }

    /// Whether a range may be answered: `If-Range` asks for the whole of a file that has changed.
    pub(super) fn allow_range(&self, asked: &HeaderMap) -> bool {
        let Some(condition) = asked.get(header::IF_RANGE) else { return true };
        match date(condition) {
            Some(date) => self.last_modified == Some(date),
            None => *condition == self.etag,
        }
    }

    fn is_listed(&self, asked: &HeaderMap, name: HeaderName, comparison: Comparison) -> bool {
        let tags = asked.get_all(name).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        tags.map(<[u8]>::trim_ascii).any(|tag| {
            let tag = match comparison {
                Comparison::Weak => tag.strip_prefix(b"W/").unwrap_or(tag),
                Comparison::Strong => tag,
            };
            tag == b"*" || tag == self.etag.as_bytes()
        })
    }

    /// `None`: nothing was asked, or nothing that can be understood.
    fn is_unchanged_since(&self, asked: &HeaderMap, name: HeaderName) -> Option<bool> {
        let since = date(asked.get(name)?)?;
        Some(self.last_modified? <= since)
    }
}

/// How two tags are compared (section 8.8.3.2).
#[derive(Debug, Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Fri, 13 Feb 2009 23:31:30 GMT";
    const BEFORE: &str = "Fri, 13 Feb 2009 23:31:29 GMT";
    const AFTER: &str = "Fri, 13 Feb 2009 23:31:31 GMT";

    fn file() -> Validators {
        let last_modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890));
        Validators { etag: HeaderValue::from_static("\"a-1\""), last_modified }
    }

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn check(fields: &[(HeaderName, &'static str)], expected: u16) {
        let status = match file().judge(&headers(fields)) {
            Ok(Fresh::Client) => 304,
            Ok(Fresh::Server) => 200,
            Err(failure) => failure.code().status().as_u16(),
        };
        assert_eq!(status, expected, "{fields:?}");
    }

    #[test]
    fn conditions() {
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
        check(&[], 200);
        check(&[(IF_NONE_MATCH, "\"a-1\"")], 304);
        check(&[(IF_NONE_MATCH, "\"b\", W/\"a-1\"")], 304);
        check(&[(IF_NONE_MATCH, "*")], 304);
        check(&[(IF_NONE_MATCH, "\"a-2\"")], 200);
        check(&[(IF_MODIFIED_SINCE, NOW)], 304);
        check(&[(IF_MODIFIED_SINCE, AFTER)], 304);
        check(&[(IF_MODIFIED_SINCE, BEFORE)], 200);
        check(&[(IF_MODIFIED_SINCE, "yesterday")], 200);
        check(&[(IF_NONE_MATCH, "\"a-2\""), (IF_MODIFIED_SINCE, NOW)], 200);
        check(&[(IF_MATCH, "\"a-1\"")], 200);
        check(&[(IF_MATCH, "W/\"a-1\"")], 412);
        check(&[(IF_MATCH, "\"a-2\"")], 412);
        check(&[(IF_UNMODIFIED_SINCE, NOW)], 200);
        check(&[(IF_UNMODIFIED_SINCE, BEFORE)], 412);
    }

    #[test]
    fn ranges_of_the_same_state() {
        let allowed = |value| file().allow_range(&headers(&[(header::IF_RANGE, value)]));
        assert!(file().allow_range(&HeaderMap::new()));
        assert!(allowed("\"a-1\"") && allowed(NOW));
        assert!(!allowed("\"a-2\"") && !allowed("W/\"a-1\"") && !allowed(BEFORE) && !allowed(AFTER));
    }
}
