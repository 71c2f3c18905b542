//! Calls of host functions: each that touches a state or the network is counted, and a span of its request's trace.
//!
//! A span is named like the function and says which backend stands behind it, and which rule chose that. What was asked
//! for, keys and values, is nobody's business.

use std::future::Future;

use wattle_spec::backend::BackendKind;
use wattle_spec::link::Rule;
use wattle_spec::name::BackendName;

use super::metrics::add;
use super::tracer::{Kind, Span};
use crate::instance::Current;

/// A function of the host that touches a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Function {
    /// Whose it is: an index into [`FUNCTIONS_OF`].
    interface: usize,
    /// `namespace:package/interface.function`.
    name: &'static str,
}

/// The interfaces whose calls are counted.
pub(super) const FUNCTIONS_OF: [&str; 7] = [
    "wasi:keyvalue/store",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
    "wasmcloud:keyvalue/store",
    "wasmcloud:keyvalue/atomics",
    "wasmcloud:keyvalue/cas",
    "wasmcloud:keyvalue/batch",
];

impl Function {
    /// The function called `namespace:package/interface.function`. For constants: a name of an interface that is not
    /// counted does not compile.
    pub(crate) const fn new(name: &'static str) -> Self {
        let mut interface = 0;
        while !is_of(name.as_bytes(), FUNCTIONS_OF[interface].as_bytes()) {
            interface += 1;
        }
        Self { interface, name }
    }
}

/// Whether `name` is `interface`, a full stop and more.
const fn is_of(name: &[u8], interface: &[u8]) -> bool {
    let mut place = 0;
    while place < interface.len() {
        if place >= name.len() || name[place] != interface[place] {
            return false;
        }
        place += 1;
    }
    place < name.len() && name[place] == b'.'
}

/// How a call of a host function ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
    /// Whoever waited for it was ended.
    Cut,
}

impl Outcome {
    pub(super) const ALL: [Self; Self::COUNT] = [Self::Done, Self::Failed, Self::Cut];
    pub(super) const COUNT: usize = 3;

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "ok",
            Outcome::Failed => "error",
            Outcome::Cut => "cut",
        }
    }
}

/// The link through which functions are called.
#[derive(Debug, Clone)]
pub(crate) struct LinkFacts {
    pub(crate) backend: BackendName,
    pub(crate) kind: BackendKind,
    pub(crate) rule: Rule,
}

/// A call under way. It has ended when this is dropped.
struct Watched<'a> {
    current: &'a Current,
    interface: usize,
    outcome: Outcome,
    span: Option<Span>,
}

/// Watches one call of `function` by the instance `current`. Nothing happens beside the call unless somebody asked for
/// metrics or traces.
pub(crate) async fn watch<T, E>(
    current: &Current,
    function: Function,
    link: &LinkFacts,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if current.series().is_none() {
        return call.await;
    }
    let mut span = current.trace().and_then(|trace| trace.child(Kind::Internal, function.name));
    if let Some(span) = &mut span {
        span.set("wattle.backend", link.backend.to_string());
        span.set("wattle.backend.kind", link.kind.to_string());
        span.set("wattle.link.rule", link.rule.to_string());
    }
    let mut watched = Watched { current, interface: function.interface, outcome: Outcome::Cut, span };
    let ended = call.await;
    watched.outcome = if ended.is_ok() { Outcome::Done } else { Outcome::Failed };
    ended
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let (Some(span), Outcome::Failed | Outcome::Cut) = (&mut self.span, self.outcome) {
            span.fail(self.outcome.as_str());
        }
        if let Some(series) = self.current.series() {
            add(&series.on(self.current.core()).host_calls[self.interface][self.outcome as usize]);
        }
    }
}
