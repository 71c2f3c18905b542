//! The embeddable host of Wattle: it runs apps of WebAssembly components.
//!
//! A host is handed everything: an [`App`](wattle_spec::app::App) that says what should run, a [`Source`] that turns
//! digests into bytes, listening sockets, backends for state, a [`Compiler`], a [`Clock`]. It fetches nothing, places
//! nothing and writes nothing but what its backends keep.
//!
//! Read it in the order of a request: `trigger`, `component`, `instance`, `capability`, then the backend.

mod admin;
mod answer;
mod backing;
mod body;
mod capability;
mod clock;
mod component;
mod cores;
pub mod engine;
mod error;
mod host;
mod instance;
mod invocation;
mod outgoing;
mod places;
mod readiness;
mod sibling;
mod telemetry;
pub mod tls;
mod trigger;

pub use answer::{ErrorCode, REQUEST_ID};
pub use capability::offers;
pub use clock::{Clock, SystemClock};
pub use engine::{CodeCache, CompileInProcess, Compiler};
pub use error::{HostError, StartError};
pub use host::{BackendSource, ChoiceBook, Host, HostBuilder, Source};
pub use invocation::{Invocation, RequestId, TriggerKind};
pub use telemetry::{TelemetryError, Trace};
pub use trigger::Trap;
pub use trigger::command::{Command, CommandError, Ended, Start};
pub use trigger::cron::{KeptTicks, TickBook};
