//! `wasi:logging/logging`, as `0.1.0-draft` and without a version: what a component logs becomes a log line of its own
//! level, and is sent to the bus that the package is linked to, if it is.

mod sent;

use tracing::Level;
use wasmtime::component::{HasData, Linker};
use wattle_spec::resolve::{Offer, State};

use super::bindings::wasi::{logging as unversioned, logging0_1_0_draft as draft};
use super::{Capability, offering_concurrent};
use crate::engine::Profile;
use crate::instance::{Guest, Source};

pub(crate) use sent::LogLink;

/// `wasi:logging`.
pub(super) struct Logging;

struct HasLog;

impl HasData for HasLog {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a>(&'a Guest);

impl View<'_> {
    fn log(&self, level: Level, name: &'static str, context: &str, message: &str) {
        self.0.log.line(Source::Log(level), context, message.as_bytes());
        if let Some(link) = &self.0.identity.log_link {
            link.send(name, context, message, self.0.log.current().request());
        }
    }
}

impl Capability for Logging {
    fn offers(&self) -> Vec<Offer> {
        offering_concurrent(&["wasi:logging/logging@0.1.0-draft", "wasi:logging/logging"], Some(State::Log))
    }

    fn link(&self, linker: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        draft::logging::add_to_linker::<Guest, HasLog>(linker, |guest| View(guest))?;
        unversioned::logging::add_to_linker::<Guest, HasLog>(linker, |guest| View(guest))
    }
}

macro_rules! logs {
    ($interface:ident) => {
        impl $interface::logging::Host for View<'_> {
            fn log(
                &mut self,
                level: $interface::logging::Level,
                context: String,
                message: String,
            ) -> wasmtime::Result<()> {
                use $interface::logging::Level as Wit;
                let (level, name) = match level {
                    Wit::Trace => (Level::TRACE, "trace"),
                    Wit::Debug => (Level::DEBUG, "debug"),
                    Wit::Info => (Level::INFO, "info"),
                    Wit::Warn => (Level::WARN, "warn"),
                    Wit::Error => (Level::ERROR, "error"),
                    Wit::Critical => (Level::ERROR, "critical"),
                };
                View::log(self, level, name, &context, &message);
                Ok(())
            }
        }
    };
}

logs!(draft);
logs!(unversioned);
