//! `wasi:logging/logging`, as `0.1.0-draft` and without a version: what a component logs becomes a log line of its own
//! level, and is sent to the bus that the package is linked to, if it is.

mod sent;

use tracing::Level;
use wasmtime::component::{HasData, LinkerInstance};
use wattle_spec::resolve::{Offer, State};

use super::bindings::named_imports::wasi as named;
use super::bindings::wasi::{logging as unversioned, logging0_1_0_draft as draft};
use super::{Capability, Joinable, Via, offering_concurrent};
use crate::instance::{Guest, MEMBERS_MAX, Member, Source, for_each_member};

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
struct View<'a>(&'a mut Member);

impl View<'_> {
    fn log(&mut self, via: &Via, (level, name): (Level, &'static str), context: &str, message: &str) {
        let Member { log, links, identity, .. } = &mut *self.0;
        log.line(Source::Log(level), context, message.as_bytes());
        if let Some(link) = links.of(identity).logs.unnamed(PACKAGE, via) {
            link.send(name, context, message, log.current().request());
        }
    }
}

impl Capability for Logging {
    fn offers(&self) -> Vec<Offer> {
        offering_concurrent(&[DRAFT, UNVERSIONED], Some(State::Log))
    }

    fn joinable(&self) -> &'static [Joinable] {
        const { &[Joinable::new(DRAFT, join_draft), Joinable::new(UNVERSIONED, join_unversioned)] }
    }
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    View(guest.split::<MEMBER>().member)
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

fn join_draft(log: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    named::logging0_1_0_draft::logging::add_to_linker_instance::<Guest, HasLog>(log, via, view)
}

fn join_unversioned(log: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    named::logging::logging::add_to_linker_instance::<Guest, HasLog>(log, via, view)
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
