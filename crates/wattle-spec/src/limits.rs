//! Every limit there is, with its default: one table from which the types, the manifest's keys and the
//! documentation come.

use std::time::Duration;

use crate::quota::Quota;
use crate::units::{ByteSize, Span};

/// One row of the documented table of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// The key in a manifest or in `host.toml`, with hyphens.
    pub key: String,
    /// What is written there.
    pub kind: LimitKind,
    /// The default, as one would write it.
    pub default: String,
    /// What it bounds and what happens at the bound.
    pub doc: &'static str,
}

/// What is written for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// A number of bytes, as in `"64MiB"`.
    Bytes,
    /// A span of time, as in `"10s"`.
    Time,
    /// A whole number from 1.
    Count,
}

/// A table of limits with their defaults.
pub trait LimitSet: Copy + Default {
    /// One row for each limit, in the order of the documentation.
    fn rows() -> Vec<LimitRow>;

    /// Sets the limit called `key` (with hyphens or underscores) to what `text` says.
    ///
    /// # Errors
    ///
    /// `None` if there is no such limit, else what was expected in place of `text`.
    fn set(&mut self, key: &str, text: &str) -> Result<(), Option<String>>;
}

/// A value that a limit can have, read from text.
pub trait LimitValue: Copy {
    /// What is written for it.
    const KIND: LimitKind;

    /// Reads what a person wrote; the error says what was expected.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes it as a person would.
    fn write(self) -> String;
}

impl LimitValue for ByteSize {
    const KIND: LimitKind = LimitKind::Bytes;

    fn read(text: &str) -> Result<Self, String> {
        let size: Self = text.parse().map_err(|error: crate::units::UnitError| error.to_string())?;
        match size.0 {
            0 => Err("a size limit must be more than nothing".into()),
            _ => Ok(size),
        }
    }
    fn write(self) -> String {
        self.to_string()
    }
}

impl LimitValue for Duration {
    const KIND: LimitKind = LimitKind::Time;

    fn read(text: &str) -> Result<Self, String> {
        let span: Span = text.parse().map_err(|error: crate::units::UnitError| error.to_string())?;
        if span.0.is_zero() {
            return Err("a time limit must be longer than nothing".into());
        }
        Ok(span.0)
    }
    fn write(self) -> String {
        Span(self).to_string()
    }
}

impl LimitValue for u32 {
    const KIND: LimitKind = LimitKind::Count;

    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) | Err(_) => Err(format!("expected a whole number from 1 to {}", u32::MAX)),
            Ok(number) => Ok(number),
        }
    }
    fn write(self) -> String {
        self.to_string()
    }
}

macro_rules! limits {
    ($($(#[$struct_doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr, $doc:literal;)* })*) => {$(
        $(#[$struct_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = $doc] pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl LimitSet for $name {
            fn rows() -> Vec<LimitRow> {
                let defaults = Self::default();
                vec![$(LimitRow {
                    key: stringify!($field).replace('_', "-"),
                    kind: <$type as LimitValue>::KIND,
                    default: LimitValue::write(defaults.$field),
                    doc: $doc,
                },)*]
            }

            fn set(&mut self, key: &str, text: &str) -> Result<(), Option<String>> {
                match key.replace('-', "_").as_str() {
                    $(stringify!($field) => self.$field = LimitValue::read(text).map_err(Some)?,)*
                    _ => return Err(None),
                }
                Ok(())
            }
        }
    )*};
}

const fn kib(n: u64) -> ByteSize {
    ByteSize(n << 10)
}

const fn mib(n: u64) -> ByteSize {
    ByteSize(n << 20)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

limits! {
    /// Limits of one component: `limits` in `[components.NAME]`.
    ComponentLimits {
        memory: ByteSize = mib(128), "Linear memory of one instance, all its memories together; growing past it fails in the guest.";
        table_elements: u32 = 100_000, "Elements in the tables of one instance; growing past it fails in the guest. At most 1,000,000.";
        handles: u32 = 2_000, "Resource handles that one instance holds at a time; one more is a trap.";
        host_call_bytes: ByteSize = mib(16), "Bytes copied out of the guest by one call of the host; more is a trap.";
        fields: ByteSize = kib(80), "Header or trailer fields that a guest makes, each with some bytes of its own; more is an error or a trap.";
        deadline: Duration = secs(30), "From the arrival of a request to the end of its answer; then 504, or a cut answer. The same for a call by another component, from when it begins.";
        request_body: ByteSize = mib(64), "Body of one request; a larger one is answered 413, or cut while it streams.";
        response_body: ByteSize = mib(1024), "Body of one answer; a larger one is cut, visibly for the client.";
        outgoing_connect_timeout: Duration = secs(10), "From the start of an outgoing request to its connection: name, address and TLS; then the request fails.";
        outgoing_answer_timeout: Duration = secs(30), "From a connection to the head of the answer; then the request fails.";
        outgoing_body_timeout: Duration = secs(30), "How long the body of an answer from outside may stand still; then it fails.";
        outgoing_head: ByteSize = kib(64), "The head of an answer from outside; a larger one fails.";
        outgoing_request_body: ByteSize = mib(64), "Body of one outgoing request; a larger one fails.";
        outgoing_response_body: ByteSize = mib(1024), "Body of one answer from outside; reading on fails.";
        concurrent_calls: u32 = 256, "Calls of one component by others of its app under way at a time, each in an instance of its own (a service of WASI 0.3: in its one instance); more wait until a tenth of their time is left (for a service: until it is over), and fail.";
        log_line: ByteSize = kib(8), "One line of a guest's output or log; the rest is cut and marked.";
        log_lines_per_second: u32 = 1_000, "Lines per second and component; what is over is counted and dropped.";
    }

    /// Limits of one app: `[limits]` in the manifest.
    AppLimits {
        concurrent_requests: u32 = 1_024, "Requests of one app under way at a time, at most three quarters of the host's; more wait for `queue-time`.";
        queue_time: Duration = secs(1), "How long a request waits for a place before it is answered 503, or an outgoing one before it fails.";
        concurrent_calls: u32 = 1_024, "Calls of components by others of the app under way at a time, those of services left out; more fail at once.";
        cron_runs: u32 = 16, "Runs of an app's schedules under way at a time; more wait.";
        cron_backlog: u32 = 16, "Runs of one schedule under way or waiting where `overlap` is `allow` or `queue`; more ticks are skipped.";
        outgoing_requests: u32 = 256, "Outgoing requests of one app under way at a time; more wait for `queue-time`.";
        outgoing_connections: u32 = 256, "Outgoing connections of one app, those that rest included; more wait for `outgoing-connect-timeout`.";
        outgoing_idle_timeout: Duration = secs(10), "How long an outgoing connection rests before it is closed.";
    }

    /// Limits of a host: `[limits]` in `host.toml`.
    HostLimits {
        concurrent_requests: u32 = 4_096, "Requests under way at a time, all apps together; more are answered 503 after the app's `queue-time`. One app has at most three quarters of them, so that one is left for the next.";
        concurrent_calls: u32 = 2_048, "Calls of components by others under way at a time, all apps together, those of services left out; more fail at once.";
        connections: u32 = 10_000, "Open connections in all; more wait to be accepted. Fewer, if this process may not have so many files open (`ulimit -n`): the log says so.";
        connections_per_address: u32 = 1_024, "Open connections from one client address; more are closed at once.";
        header_timeout: Duration = secs(10), "From the first byte of a request's head to its last; then the connection is closed.";
        idle_timeout: Duration = secs(75), "How long a connection may rest between two requests.";
        body_timeout: Duration = secs(30), "How long a body may stand still, in or out; then it is cut.";
        headers: u32 = 100, "Header fields of one request; more are answered 431.";
        header_bytes: ByteSize = kib(64), "The head of one request; a larger one is answered 431.";
        tls_handshake_timeout: Duration = secs(10), "From the accepting of a connection to the end of its TLS handshake; then it is closed.";
        http2_streams: u32 = 100, "Requests under way on one connection of HTTP/2; more are refused to its client, which may try again.";
        http2_errors: u32 = 256, "Streams of one connection of HTTP/2 that its client's mistakes may end; then the connection ends.";
        http2_resets_per_second: u32 = 200, "Streams of one connection of HTTP/2 that its client may break off per second; then the connection ends.";
        http2_control_frames_per_second: u32 = 1_000, "Frames without a head or a body that a client of HTTP/2 may send per second, beside two for each piece of an answer; then the connection ends.";
        http2_keep_alive: Duration = secs(30), "How long a connection of HTTP/2 is silent before its client is asked whether it is there, and how long it may take to say so.";
        http2_stream_window: ByteSize = kib(256), "Body of one request that a client of HTTP/2 may send before the component has read any of it.";
        http2_connection_window: ByteSize = mib(1), "The same for all requests of one connection together.";
        http2_send_buffer: ByteSize = kib(256), "Body of one answer that waits for its client of HTTP/2.";
        drain: Duration = secs(10), "How long requests under way may take to end when the host stops.";
        wake_timeout: Duration = secs(10), "How long a request waits until its app, which sleeps, is started; then 503.";
        awake_components: u32 = 2_000, "Components of apps that are kept in memory though no request needs them now, each with an open file; of more, the apps that were used longest ago sleep until their next request.";
        awake_code: ByteSize = mib(1024), "Machine code of components that are kept in memory, in the same way.";
        guest_memory: ByteSize = mib(16_384), "Linear memory of all instances together, all apps; growing past it fails in the guest, and a request for which there is none is answered 503. What services may hold is kept for them, in an update for both versions, and an app whose services do not fit is not started. Of the rest the instances of one app hold at most three times what is left.";
        compile_size: ByteSize = mib(64), "Wasm bytes of one component; a larger one is refused before it is compiled.";
        compile_time: Duration = secs(120), "How long compiling one component may take.";
        compile_turn: Duration = secs(5), "How long one component is compiled while others wait for their turn; then the next one's begins, and it goes on beside them if no other does, or begins again when that has ended.";
        compile_memory: ByteSize = mib(4096), "Address space of the process that compiles one component.";
        stored_keys: u32 = 1_000_000, "Keys that one app keeps in one backend of this host (`memory` or `disk`), and as many objects and containers; one more is refused.";
        stored_bytes: ByteSize = mib(10_240), "Bytes of keys and values that one app keeps in one backend of this host, and as many of objects with their names; more are refused.";
        metric_components: u32 = 2_000, "Components with metrics of their own; what happens in more of them is counted together, as `_other`.";
    }
}

impl HostLimits {
    /// What one app may keep in one backend of the host.
    pub fn quota(&self) -> Quota {
        Quota { keys: Some(self.stored_keys.into()), bytes: Some(self.stored_bytes.0) }
    }
}
