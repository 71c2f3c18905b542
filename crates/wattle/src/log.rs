//! The log of this process: on stderr, as text or as JSON, written by a thread of its own so that no request waits for
//! a terminal.

use std::io::IsTerminal;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// The environment variable that says what is logged, as in `wattle_host=debug,info`.
const FILTER: &str = "WATTLE_LOG";

/// What happens to a connection is told by us, once for all connections: the client's own lines are left out.
const QUIET: &str = "async_nats=error";

/// Lines that wait for a slow reader of the log; more are dropped.
const BUFFERED_LINES: usize = 4096;

/// Starts the log, with the filter `default` unless the environment says otherwise. What is still unwritten is written when the guard is dropped.
pub(crate) fn start(format: LogFormat, default: &str) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(BUFFERED_LINES).finish(std::io::stderr());
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(format!("{default},{QUIET}")));
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => subscriber.with_ansi(coloured).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_current_span(false).init(),
    }
    guard
}
