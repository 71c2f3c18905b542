//! Calls of host functions: each that touches a state or the network is counted, and a span of its request's trace. One that
//! the backend fails is told in the log, for the guest gets no word about the host.
//!
//! A span is named like the function and says which backend stands behind it, and which rule chose that. What was asked
//! for, keys, names, subjects and contents, is nobody's business.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

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

/// Why a call of a host function failed.
pub(crate) trait HostCallError {
    /// What stands behind it and is for the log alone, with its paths and addresses. `None`: the guest is told all of it.
    fn cause(&self) -> Option<&(dyn Error + 'static)>;
}

/// A call that may go on in a stream. It has ended when somebody says how, and is cut if this is dropped before.
pub(crate) struct Watched {
    current: Current,
    function: Function,
    link: Arc<LinkFacts>,
    /// `None`: nobody asked for it, or it has ended.
    counted: Option<Counted>,
}

/// A call under way that is told to whoever asked for metrics or traces.
struct Counted {
    current: Current,
    interface: usize,
    outcome: Outcome,
    span: Option<Span>,
}

impl Watched {
    /// The instance `current` calls `function` through `link`.
    pub(crate) fn begin(current: &Current, function: Function, link: &Arc<LinkFacts>) -> Self {
        let counted = Counted::begin(current, function, link);
        Self { current: current.clone(), function, link: link.clone(), counted }
    }

    /// Makes whoever handles a message with `fields` a part of the trace, below this call.
    pub(crate) fn publish_with(&self, fields: &mut Vec<(String, String)>) {
        if let Some(call) = &self.counted
            && let Some(trace) = call.current.trace()
        {
            trace.publish_with(fields, call.span.as_ref());
        }
    }

    /// It has ended like this. Once: what comes later does not count.
    pub(crate) fn ended<T, E: HostCallError>(&mut self, how: &Result<T, E>) {
        if let Some(counted) = self.counted.take() {
            counted.end(how.is_ok());
        }
        if let Err(error) = how {
            log_failure(&self.current, self.function, &self.link, error);
        }
    }

    /// It has ended well.
    pub(crate) fn done(&mut self) {
        if let Some(counted) = self.counted.take() {
            counted.end(true);
        }
    }
}

/// Watches one call of `function` by the instance `current`. Nothing happens beside a call that succeeds unless somebody
/// asked for metrics or traces.
pub(crate) async fn watch<T, E: HostCallError>(
    current: &Current,
    function: Function,
    link: &LinkFacts,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let counted = Counted::begin(current, function, link);
    let ended = call.await;
    if let Some(counted) = counted {
        counted.end(ended.is_ok());
    }
    if let Err(error) = &ended {
        log_failure(current, function, link, error);
    }
    ended
}

/// Tells the log why a call failed, unless the component has many failures in this second.
fn log_failure(current: &Current, function: Function, link: &LinkFacts, error: &impl HostCallError) {
    let Some(cause) = error.cause() else { return };
    let component = current.identity();
    if component.may_tell_failure() {
        let (request, function, backend) = (current.request(), function.name, &link.backend);
        tracing::warn!(%component, %request, %function, %backend, error = cause, "a call of the host failed");
    }
}

impl Counted {
    /// `None`: nobody asked.
    fn begin(current: &Current, function: Function, link: &LinkFacts) -> Option<Self> {
        current.series()?;
        let mut span = current.trace().and_then(|trace| trace.child(function.kind, function.name));
        if let Some(span) = &mut span {
            link.describe(span);
        }
        let (current, interface) = (current.clone(), function.interface);
        Some(Self { current, interface, outcome: Outcome::Cut, span })
    }

    fn end(mut self, is_well: bool) {
        self.outcome = if is_well { Outcome::Done } else { Outcome::Failed };
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let (Some(span), Outcome::Failed | Outcome::Cut) = (&mut self.span, self.outcome) {
            span.fail(self.outcome.as_str());
        }
        if let Some(series) = self.current.series() {
            add(&series.on(self.current.core()).host_calls[self.interface][self.outcome as usize]);
        }
    }
}
