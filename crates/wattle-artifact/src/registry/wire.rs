//! What registries send that is no artifact: failures, tokens, lists of tags. Bounded, and never trusted to be shown as it is.

use std::fmt;

use serde::Deserialize;

/// The most characters that are told of what a registry says.
const MESSAGE_MAX_LEN: usize = 300;

/// What a registry said of a failure: the codes and messages of its error envelope (OCI distribution specification 1.1,
/// "Error Codes"), bounded and without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The first code, as in `NAME_UNKNOWN`.
    pub code: Option<String>,
    /// What it said, for people.
    pub message: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// What the authority for tokens answers (the token specification of the Docker registry).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    #[serde(default)]
    pub(super) token: Option<String>,
    #[serde(default)]
    pub(super) access_token: Option<String>,
    /// In seconds.
    #[serde(default)]
    pub(super) expires_in: Option<f64>,
}

/// A page of tags.
#[derive(Deserialize)]
pub(super) struct TagPage {
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
}

impl Failure {
    /// Reads the body of an answer that is a failure.
    pub(super) fn read(body: &[u8]) -> Self {
        let first =
            serde_json::from_slice::<Envelope>(body).ok().and_then(|envelope| envelope.errors.into_iter().next());
        match first {
            Some(entry) => {
                let message = entry.message.as_deref().map(tame).unwrap_or_default();
                Self { code: entry.code.as_deref().map(tame), message }
            }
            // A page of HTML from something in between tells people nothing.
            None if body.trim_ascii_start().starts_with(b"<") => Self { code: None, message: String::new() },
            None => Self { code: None, message: tame(&String::from_utf8_lossy(body)) },
        }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, self.message.as_str()) {
            (Some(code), "") => f.write_str(code),
            (Some(code), message) => write!(f, "{message} ({code})"),
            (None, "") => f.write_str("it does not say why"),
            (None, message) => f.write_str(message),
        }
    }
}

/// One line that a terminal can be shown.
fn tame(text: &str) -> String {
    let printable = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut tamed: String = printable.take(MESSAGE_MAX_LEN).collect();
    if text.trim().chars().nth(MESSAGE_MAX_LEN).is_some() {
        tamed.push_str("...");
    }
    tamed
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn failures_are_told_in_one_bounded_line() {
        let told = |body: &str| Failure::read(body.as_bytes()).to_string();
        assert_eq!(told(r#"{"errors":[{"code":"DENIED","message":"no","detail":{}}]}"#), "no (DENIED)");
        assert_eq!(told(r#"{"errors":[{"code":"DENIED"}]}"#), "DENIED");
        assert_eq!(told(r#"{"errors":[]}"#), r#"{"errors":[]}"#);
        assert_eq!(told("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(told("<html>"), "it does not say why");
        assert_eq!(told(""), "it does not say why");
        assert_eq!(told(&"x".repeat(1000)).len(), 303);
    }
}
