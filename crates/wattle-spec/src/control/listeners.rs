//! Where a host serves, and how that and the host itself ended.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address on which a host serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerStatus {
    /// As a URL.
    pub url: String,
    /// Who asked for it.
    pub origin: ListenerOrigin,
    /// How many connections are open that came in there.
    pub connections: u64,
    /// Why the host does not serve there. Absent: it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who asked for a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ListenerOrigin {
    /// `--listen`.
    CommandLine,
    /// `listen` in the host's file.
    HostFile,
    /// Nobody: it is where a host serves if nothing else is said.
    Default,
    /// Whoever started the process handed it the socket.
    SocketActivation,
    /// It was added while the host ran, by this process or by one before.
    Added,
    /// Something that a newer host has and this reader does not know.
    #[serde(other)]
    Unknown,
}

/// As a table shows it.
impl fmt::Display for ListenerOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CommandLine => "command line",
            Self::HostFile => "host.toml",
            Self::Default => "default",
            Self::SocketActivation => "socket activation",
            Self::Added => "added",
            Self::Unknown => "unknown",
        })
    }
}

/// What came of adding a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerAdded {
    /// Where the host serves now, as a URL. A port that was left to the system is the one that it chose.
    pub url: String,
    /// Whether the host serves there again when it is started again.
    pub remembered: bool,
}

/// What came of removing a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerRemoved {
    /// Where the host served, as a URL.
    pub url: String,
    /// Who had asked for it. What was not added is there again when the host is started again.
    pub origin: ListenerOrigin,
    /// Connections that had not ended within the limit `drain`, and were cut.
    pub cut: u64,
    /// On how many addresses the host still serves.
    pub left: u64,
}

/// What had not ended when a host had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    /// Requests under way.
    pub requests: u64,
    /// Connections of clients.
    pub connections: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, connections } = self;
        match (requests, connections) {
            // Runs of schedules, messages, services.
            (0, 0) => f.write_str("what ran without a request"),
            (requests, connections) => {
                let (s, n) = (if *requests == 1 { "" } else { "s" }, if *connections == 1 { "" } else { "s" });
                write!(f, "{requests} request{s} and {connections} connection{n}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut() {
        let check = |requests, connections, expected: &str| {
            assert_eq!(Cut { requests, connections }.to_string(), expected);
        };
        check(0, 0, "what ran without a request");
        check(1, 1, "1 request and 1 connection");
        check(0, 2, "0 requests and 2 connections");
    }

    /// What a newer host says is still a listener.
    #[test]
    fn origins_that_are_not_known() {
        let text = r#"{"url":"http://127.0.0.1:80","origin":"sky","connections":1,"since":2}"#;
        let status: ListenerStatus = serde_json::from_str(text).expect("a listener");
        assert_eq!((status.origin, status.connections), (ListenerOrigin::Unknown, 1));
        assert_eq!(serde_json::to_string(&ListenerOrigin::CommandLine).expect("a text"), "\"command-line\"");
    }
}
