//! Every code that an answer of ours can have: one table from which the answers and the documentation come.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident = $status:ident, $text:literal, $meaning:literal;)*) => {
        /// What kind of failure a client is told of. The texts are stable: programs may compare them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $meaning] $name,)*
        }

        impl ErrorCode {
            /// All of them, in the order of their statuses.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The status of an answer with this code.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            /// The code as it is in the answer's JSON and in the log.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// When it is given: a sentence of the documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    BadRequest = BAD_REQUEST, "bad-request", "The request is not valid: its target, its host or how its body is framed.";
    NoFile = NOT_FOUND, "no-file", "The folder of this route has no such file.";
    NoRoute = NOT_FOUND, "no-route", "No app answers this host and path.";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "Files are served to GET and HEAD only.";
    PreconditionFailed = PRECONDITION_FAILED, "precondition-failed", "The file is not, or no longer, the one that the request asks for.";
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "The body is larger than the limit `request-body` of the component.";
    PathTooLong = URI_TOO_LONG, "path-too-long", "The path with its query is longer than 8 KiB.";
    NoSuchRange = RANGE_NOT_SATISFIABLE, "no-such-range", "The file has no byte in the range that is asked for.";
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", "The head is larger than the limits `headers` and `header-bytes` of the host.";
    FileUnreadable = INTERNAL_SERVER_ERROR, "file-unreadable", "The file is there and cannot be read; the log says why.";
    GuestTrap = INTERNAL_SERVER_ERROR, "guest-trap", "The component failed while it ran; the log has its calls.";
    GuestStart = INTERNAL_SERVER_ERROR, "guest-start", "The component could not be started; the log says why.";
    NotSupported = NOT_IMPLEMENTED, "not-supported", "The request asks for what no component is given: a tunnel or an upgrade.";
    NoAnswer = BAD_GATEWAY, "no-answer", "The component ended without an answer.";
    GuestError = BAD_GATEWAY, "guest-error", "The component answered with an error; the log has it.";
    InvalidAnswer = BAD_GATEWAY, "invalid-answer", "The component's answer is not valid HTTP.";
    InstanceLost = BAD_GATEWAY, "instance-lost", "The instance that served the request was lost, as a rule through another request that it served; or its app was stopped or updated, and the request took longer than the limit `drain` of the host.";
    NoCapacity = SERVICE_UNAVAILABLE, "no-capacity", "Too many requests are under way, and none ended within the limit `queue-time` of the app; or there is no memory for another instance (limit `guest-memory` of the host).";
    AppAsleep = SERVICE_UNAVAILABLE, "app-asleep", "The app of this route sleeps, or its host has just begun, and it could not be started, or not within the limit `wake-timeout` of the host; the log says why.";
    Deadline = GATEWAY_TIMEOUT, "deadline", "The component did not answer within its limit `deadline`.";
}
