//! Path and query of a request, decoded.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use wstd::http::Uri;

pub struct Target {
    pub verb: String,
    /// The rest of the path: a subject can hold any character.
    pub subject: String,
    pub query: HashMap<String, String>,
}

impl Target {
    pub fn parse(uri: &Uri) -> Target {
        let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let (verb, subject) = path.split_once('/').unwrap_or((&path, ""));
        Target {
            verb: verb.to_owned(),
            subject: subject.to_owned(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.query.get(name).cloned()
    }

    pub fn number(&self, name: &str) -> Option<u32> {
        self.query.get(name)?.parse().ok()
    }
}
