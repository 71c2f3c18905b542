//! Path and query of a request, decoded.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use wstd::http::Uri;

use crate::reply::Fault;

pub struct Target {
    /// Decoded one by one, so that a segment can hold any character.
    pub segments: Vec<String>,
    query: HashMap<String, String>,
}

impl Target {
    pub fn parse(uri: &Uri) -> Target {
        let path = uri.path().trim_start_matches('/');
        let decode = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        Target {
            segments: path.split('/').map(decode).collect(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        }
    }

    /// A value of the query, empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let parse = |digits: &String| digits.parse().map_err(|_| Fault::Bad(format!("{name} is not a number")));
        self.query.get(name).map(parse).transpose()
    }
}
