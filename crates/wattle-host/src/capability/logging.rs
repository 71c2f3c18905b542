//! `wasi:logging/logging`, as `0.1.0-draft` and without a version: what a component logs becomes a log line of its own
//! level, and is sent to the bus that the package is linked to, if it is.

mod sent;

use tracing::Level;
use wasmtime::component::{HasData, Linker, LinkerInstance};
use wattle_spec::resolve::{Offer, State};

use super::bindings::named_imports::wasi as named;
use super::bindings::wasi::{logging as unversioned, logging0_1_0_draft as draft};
use super::{Capability, Repeatable, Via, offering_concurrent};
use crate::engine::Profile;
use crate::instance::{Guest, Source};

pub(crate) use sent::LogLink;

/// The key of its links.
const PACKAGE: &str = "wasi:logging";
const DRAFT: &str = "wasi:logging/logging@0.1.0-draft";
const UNVERSIONED: &str = "wasi:logging/logging";

/// `wasi:logging`.
pub(super) struct Logging;

struct HasLog;

impl HasData for HasLog {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a>(&'a Guest);

impl View<'_> {
    fn log(&self, via: &Via, (level, name): (Level, &'static str), context: &str, message: &str) {
        self.0.log.line(Source::Log(level), context, message.as_bytes());
        if let Some(link) = self.0.identity.log_links.unnamed(PACKAGE, via) {
            link.send(name, context, message, self.0.log.current().request());
        }
    }
}

impl Capability for Logging {
    fn offers(&self) -> Vec<Offer> {
        offering_concurrent(&[DRAFT, UNVERSIONED], Some(State::Log))
    }

    fn link(&self, _: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        Ok(())
    }

    fn repeatable(&self) -> &'static [Repeatable] {
        const { &[Repeatable::new(DRAFT, join_draft), Repeatable::new(UNVERSIONED, join_unversioned)] }
    }
}

fn join_draft(log: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    named::logging0_1_0_draft::logging::add_to_linker_instance::<Guest, HasLog>(log, via, |guest| View(guest))
}

fn join_unversioned(log: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    named::logging::logging::add_to_linker_instance::<Guest, HasLog>(log, via, |guest| View(guest))
}

macro_rules! logs {
    ($host:path, $interface:ident) => {
        impl $host for View<'_> {
            fn log(
                &mut self,
                via: Via,
                level: $interface::logging::Level,
                context: String,
                message: String,
            ) -> wasmtime::Result<()> {
                use $interface::logging::Level as Wit;
                let level = match level {
                    Wit::Trace => (Level::TRACE, "trace"),
                    Wit::Debug => (Level::DEBUG, "debug"),
                    Wit::Info => (Level::INFO, "info"),
                    Wit::Warn => (Level::WARN, "warn"),
                    Wit::Error => (Level::ERROR, "error"),
                    Wit::Critical => (Level::ERROR, "critical"),
                };
                View::log(self, &via, level, &context, &message);
                Ok(())
            }
        }
    };
}

logs!(named::logging0_1_0_draft::logging::Host, draft);
logs!(named::logging::logging::Host, unversioned);
