//! The embeddable host of Wattle: it runs apps of WebAssembly components.
//!
//! A host is handed everything: an [`App`](wattle_spec::app::App) that says what should run, a [`Source`] that turns
//! digests into bytes, listening sockets, backends for state, a [`Compiler`], a [`Clock`], capabilities of the program
//! around it ([`NativeCapability`]). It fetches nothing, places nothing and writes nothing but what its backends keep.
//!
//! This program serves a component over HTTP, gives it dice of its own, and prints what the host reports. It is
//! `examples/embed`; the guide `docs/guides/build-your-own-host.md` goes further.
//!
//! ```no_run
#![doc = include_str!("../../../examples/embed/src/main.rs")]
//! ```
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
mod cut;
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
pub use capability::native::{JoinNative, Native, NativeCall, NativeCapability, NativeInterface, ViewNative};
pub use capability::offers;
pub use clock::{Clock, SystemClock};
pub use engine::{CodeCache, CompileInProcess, Compiler};
pub use error::{HostError, StartError};
pub use host::{BackendSource, ChoiceBook, Host, HostBuilder, Listening, NoRoom, Source, Unlistened, Waker};
pub use host::{Faults, ResolveError, Resolved};
pub use instance::Guest;
pub use invocation::{Invocation, RequestId, TriggerKind};
pub use telemetry::{TelemetryError, Trace};
pub use trigger::Trap;
pub use trigger::command::{Command, CommandError, Ended, Start};
pub use trigger::cron::{KeptTicks, TickBook};
// What its own interface speaks of, so that whoever embeds it has the same versions.
pub use {wasmtime, wattle_backend, wattle_spec};

/// The programs of the guide are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/build-your-own-host.md")]
struct Guide;
