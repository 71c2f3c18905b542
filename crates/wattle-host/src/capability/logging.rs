//! `wasi:logging/logging@0.1.0-draft`: what a component logs becomes a log line of its own level.

use tracing::Level;
use wasmtime::component::{HasData, Linker};
use wattle_spec::resolve::Offer;

use super::bindings::wasi::logging::logging;
use super::{Capability, offering};
use crate::engine::Profile;
use crate::instance::{Guest, LineLog, Source};

/// `wasi:logging`.
pub(super) struct Logging;

struct HasLog;

impl HasData for HasLog {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a>(&'a LineLog);

impl Capability for Logging {
    fn offers(&self) -> Vec<Offer> {
        offering(&["wasi:logging/logging@0.1.0-draft"], None)
    }

    fn link(&self, linker: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        logging::add_to_linker::<Guest, HasLog>(linker, |guest| View(&guest.log))
    }
}

impl logging::Host for View<'_> {
    fn log(&mut self, level: logging::Level, context: String, message: String) -> wasmtime::Result<()> {
        let level = match level {
            logging::Level::Trace => Level::TRACE,
            logging::Level::Debug => Level::DEBUG,
            logging::Level::Info => Level::INFO,
            logging::Level::Warn => Level::WARN,
            logging::Level::Error | logging::Level::Critical => Level::ERROR,
        };
        self.0.line(Source::Log(level), &context, message.as_bytes());
        Ok(())
    }
}
