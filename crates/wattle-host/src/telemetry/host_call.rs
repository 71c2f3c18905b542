//! Calls of host functions: each that touches a state or the network is counted, and a span of its request's trace.
//!
//! A span is named like the function and says which backend stands behind it, and which rule chose that. What was asked
//! for, keys, names, subjects and contents, is nobody's business.

use std::future::Future;

use wattle_spec::backend::BackendKind;
use wattle_spec::link::Rule;
use wattle_spec::name::BackendName;

use super::shard::add;
use super::tracer::{Kind, Span};
use crate::instance::Current;

/// A function of the host that touches a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Function {
    /// Whose it is: an index into [`FUNCTIONS_OF`].
    interface: usize,
    /// `namespace:package/interface.function`.
    name: &'static str,
    kind: Kind,
}

/// The interfaces whose calls are counted.
pub(super) const FUNCTIONS_OF: [&str; 18] = [
    "wasi:keyvalue/store",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
    "wasmcloud:keyvalue/store",
    "wasmcloud:keyvalue/atomics",
    "wasmcloud:keyvalue/cas",
    "wasmcloud:keyvalue/batch",
    "wasi:blobstore/blobstore",
    "wasi:blobstore/container",
    "wasmcloud:blobstore/blobstore",
    "wasmcloud:blobstore/container",
    "wasi:messaging/producer",
    "wasi:messaging/request-reply",
    "wasmcloud:messaging/consumer",
    "wasi:config/store",
    "wasi:config/runtime",
    "wasmcloud:secrets/store",
    "wasmcloud:secrets/secret",
];

impl Function {
    /// The function called `namespace:package/interface.function`. For constants: a name of an interface that is not
    /// counted does not compile.
    pub(crate) const fn new(name: &'static str) -> Self {
        let mut interface = 0;
        while !is_of(name.as_bytes(), FUNCTIONS_OF[interface].as_bytes()) {
            interface += 1;
        }
        Self { interface, name, kind: Kind::Internal }
    }

    /// The same, that sends something and waits for no answer.
    pub(crate) const fn sending(self) -> Self {
        Self { kind: Kind::Producer, ..self }
    }

    /// The same, that waits for somebody's answer.
    pub(crate) const fn asking(self) -> Self {
        Self { kind: Kind::Client, ..self }
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
    /// Whoever waited for it was ended, or left the rest of a stream.
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

impl LinkFacts {
    /// Says them of something that goes through the link.
    pub(crate) fn describe(&self, span: &mut Span) {
        span.set("wattle.backend", self.backend.to_string());
        span.set("wattle.backend.kind", self.kind.to_string());
        span.set("wattle.link.rule", self.rule.to_string());
    }
}

/// A call under way, told to whoever asked for metrics or traces; nothing if nobody did. It has ended when somebody says
/// how, and is cut if this is dropped before.
pub(crate) struct Watched(Option<UnderWay>);

struct UnderWay {
    current: Current,
    interface: usize,
    outcome: Outcome,
    span: Option<Span>,
}

impl Watched {
    /// The instance `current` calls `function` through `link`.
    pub(crate) fn begin(current: &Current, function: Function, link: &LinkFacts) -> Self {
        if current.series().is_none() {
            return Self(None);
        }
        let mut span = current.trace().and_then(|trace| trace.child(function.kind, function.name));
        if let Some(span) = &mut span {
            link.describe(span);
        }
        let (current, interface) = (current.clone(), function.interface);
        Self(Some(UnderWay { current, interface, outcome: Outcome::Cut, span }))
    }

    /// Makes whoever handles a message with `fields` a part of the trace, below this call.
    pub(crate) fn publish_with(&self, fields: &mut Vec<(String, String)>) {
        if let Some(call) = &self.0
            && let Some(trace) = call.current.trace()
        {
            trace.publish_with(fields, call.span.as_ref());
        }
    }

    /// It has ended like this.
    pub(crate) fn ended<T, E>(&mut self, how: &Result<T, E>) {
        match how {
            Ok(_) => self.end(Outcome::Done),
            Err(_) => self.end(Outcome::Failed),
        }
    }

    /// It has ended well.
    pub(crate) fn done(&mut self) {
        self.end(Outcome::Done);
    }

    /// Once: what comes later does not count.
    fn end(&mut self, outcome: Outcome) {
        if let Some(mut call) = self.0.take() {
            call.outcome = outcome;
        }
    }
}

/// Watches one call of `function` by the instance `current`. Nothing happens beside the call unless somebody asked for
/// metrics or traces.
pub(crate) async fn watch<T, E>(
    current: &Current,
    function: Function,
    link: &LinkFacts,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut watched = Watched::begin(current, function, link);
    let ended = call.await;
    watched.ended(&ended);
    ended
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let (Some(span), Outcome::Failed | Outcome::Cut) = (&mut self.span, self.outcome) {
            span.fail(self.outcome.as_str());
        }
        if let Some(series) = self.current.series() {
            add(&series.on(self.current.core()).host_calls[self.interface][self.outcome as usize]);
        }
    }
}
