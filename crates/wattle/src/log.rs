//! The log of this process: on stderr, as text or as JSON, written by a thread of its own so that no request waits for
//! a terminal.

mod layer;

use std::io::IsTerminal;
use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::LogFormat;
use crate::ring::Ring;
use wattle_spec::control::LogLine;

/// The environment variable that says what is logged, as in `wattle_host=debug,info`.
const FILTER: &str = "WATTLE_LOG";

/// What happens to a connection is told by us, once for all connections: the client's own lines are left out.
const QUIET: &str = "async_nats=off";

/// Lines that wait for a slow reader of the log; more are dropped.
const BUFFERED_LINES: usize = 4096;

/// Starts the log, with the filter `default` unless the environment says otherwise; what somebody may ask for later is
/// kept in `ring`, whatever the filter. What is still unwritten is written when the guard is dropped.
pub(crate) fn start(format: LogFormat, default: &str, ring: Option<Arc<Ring<LogLine>>>) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(BUFFERED_LINES).finish(std::io::stderr());
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(format!("{default},{QUIET}")));
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(coloured).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    match ring {
        Some(ring) => subscriber.with(layer::keeping_in(ring)).init(),
        None => subscriber.init(),
    }
    guard
}
