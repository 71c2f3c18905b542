//! Path and query of a request, decoded.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

pub struct Target {
    /// Decoded one by one. The value `name` of the query is the last: it can be any text.
    pub segments: Vec<String>,
    pub query: HashMap<String, String>,
}

impl Target {
    pub fn parse(path_with_query: &str) -> Target {
        let (path, query) = path_with_query.split_once('?').unwrap_or((path_with_query, ""));
        let decode = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let segments = path.trim_start_matches('/').split('/').map(decode);
        Target { segments: segments.chain(query.get("name").cloned()).collect(), query }
    }

    /// A number of the query.
    pub fn number(&self, name: &str, default: u64) -> u64 {
        self.query.get(name).and_then(|digits| digits.parse().ok()).unwrap_or(default)
    }

    /// The bytes of an object that are asked for, both ends included.
    pub fn range(&self) -> (u64, u64) {
        (self.number("start", 0), self.number("end", u64::MAX))
    }
}
