//! Traces: spans that are begun, handed on by value, and put into a bounded queue when they end.
//!
//! A request or a message belongs to one [`Trace`], which its [`Invocation`](crate::Invocation) carries. There is no ambient span.

use std::borrow::Cow;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use wattle_spec::telemetry::{Parent, Sampling};

use super::trace_context::{Caller, SpanContext, TRACEPARENT, TRACESTATE, has_parent, write_fields};

/// Spans that wait to be sent; more are dropped and counted.
const QUEUE_LEN: usize = 4096;

/// Begins traces.
pub(crate) struct Tracer {
    sampling: Sampling,
    propagate: bool,
    queue: mpsc::Sender<Finished>,
    dropped: AtomicU64,
}

/// The trace that a request belongs to, with its place in it.
#[derive(Clone)]
pub struct Trace(Arc<Place>);

struct Place {
    /// The span of the request.
    context: SpanContext,
    /// What other tracing systems pass on.
    state: Option<Box<str>>,
    tracer: Arc<Tracer>,
}

/// A span under way. It ends when it is dropped.
pub(crate) struct Span {
    tracer: Arc<Tracer>,
    finished: Option<Finished>,
}

/// A span that has ended.
pub(super) struct Finished {
    pub(super) context: SpanContext,
    pub(super) state: Option<Box<str>>,
    pub(super) parent: Option<Origin>,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) failed: bool,
}

/// The span that another one belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// One of this host.
    Here(u64),
    /// The caller's.
    Elsewhere(u64),
}

/// What a span stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request that is answered.
    Server,
    /// A request that is sent.
    Client,
    /// A call within this host.
    Internal,
    /// A message that is sent.
    Producer,
    /// A message that is handled.
    Consumer,
}

/// The value of an attribute.
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Value::Text(text.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Value::Number(number.into())
    }
}

impl Tracer {
    /// A tracer, and the queue with what it tells.
    pub(super) fn new(sampling: Sampling, propagate: bool) -> (Arc<Self>, mpsc::Receiver<Finished>) {
        let (queue, finished) = mpsc::channel(QUEUE_LEN);
        (Arc::new(Self { sampling, propagate, queue, dropped: AtomicU64::new(0) }), finished)
    }

    /// Begins the trace of a request with this header, or goes on with its caller's. `None` in place of the span: the
    /// trace is not told.
    pub(crate) fn begin_request(self: &Arc<Self>, headers: &HeaderMap) -> (Trace, Option<Span>) {
        self.begin(Caller::of_request(headers), Kind::Server, "")
    }

    /// The same of the handling of a message with these fields: it is a part of whatever caused the message.
    pub(crate) fn begin_message(self: &Arc<Self>, fields: &[(String, String)]) -> (Trace, Option<Span>) {
        self.begin(Caller::of_message(fields), Kind::Consumer, "message")
    }

    /// The same of a run that nobody called for, called `name`.
    pub(crate) fn begin_run(self: &Arc<Self>, name: &'static str) -> (Trace, Option<Span>) {
        self.begin(None, Kind::Internal, name)
    }

    fn begin(self: &Arc<Self>, caller: Option<Caller>, kind: Kind, name: &'static str) -> (Trace, Option<Span>) {
        let trace = caller.as_ref().map_or_else(random_trace, |caller| caller.context.trace);
        let sampled = match &caller {
            Some(caller) if self.sampling.parent == Parent::Followed => caller.context.sampled,
            _ => self.is_chosen(trace),
        };
        let context = SpanContext { trace, span: random(), sampled };
        let parent = caller.as_ref().map(|caller| Origin::Elsewhere(caller.context.span));
        let state = caller.and_then(|caller| caller.state);
        let trace = Trace(Arc::new(Place { context, state, tracer: self.clone() }));
        let span = sampled.then(|| trace.span(context, parent, kind, Cow::Borrowed(name)));
        (trace, span)
    }

    /// The same for one trace wherever it is asked.
    fn is_chosen(&self, trace: u128) -> bool {
        (trace as u64 % 1_000_000) < u64::from(self.sampling.ratio.millionths())
    }

    /// How many spans nobody was told of.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// These were taken from the queue and could not be sent.
    pub(super) fn lose(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Trace {
    fn span(&self, context: SpanContext, parent: Option<Origin>, kind: Kind, name: Cow<'static, str>) -> Span {
        let now = SystemTime::now();
        let state = self.0.state.clone();
        let attributes = Vec::new();
        let finished =
            Finished { context, state, parent, name, kind, began: now, ended: now, attributes, failed: false };
        Span { tracer: self.0.tracer.clone(), finished: Some(finished) }
    }

    /// Begins a span below that of the request, if the trace is told.
    pub(crate) fn child(&self, kind: Kind, name: impl Into<Cow<'static, str>>) -> Option<Span> {
        let own = self.0.context;
        let context = SpanContext { span: random(), ..own };
        own.sampled.then(|| self.span(context, Some(Origin::Here(own.span)), kind, name.into()))
    }

    /// The same trace for something that is done within `span`.
    pub(crate) fn below(&self, span: Option<&Span>) -> Self {
        if span.is_none() {
            return self.clone();
        }
        let (state, tracer) = (self.0.state.clone(), self.0.tracer.clone());
        Self(Arc::new(Place { context: self.place(span), state, tracer }))
    }

    /// Where `span` is in it, or else the request itself.
    fn place(&self, span: Option<&Span>) -> SpanContext {
        span.and_then(|span| span.finished.as_ref()).map_or(self.0.context, |span| span.context)
    }

    /// Makes whoever gets `headers` a part of this trace: below `span`, or else below the request itself.
    pub(crate) fn write(&self, headers: &mut HeaderMap, span: Option<&Span>) {
        headers.insert(TRACEPARENT, self.place(span).to_field());
        headers.remove(TRACESTATE);
        if let Some(Ok(state)) = self.0.state.as_deref().map(HeaderValue::try_from) {
            headers.insert(TRACESTATE, state);
        }
    }

    /// The same for a request that leaves the host, unless that is switched off or the guest has said where the request
    /// belongs.
    pub(crate) fn send_with(&self, headers: &mut HeaderMap, span: Option<&Span>) {
        if self.0.tracer.propagate && !headers.contains_key(TRACEPARENT) {
            self.write(headers, span);
        }
    }

    /// Makes whoever handles a message with `fields` a part of this trace, as [`write`](Self::write) does.
    pub(crate) fn write_message(&self, fields: &mut Vec<(String, String)>, span: Option<&Span>) {
        write_fields(fields, self.place(span), self.0.state.as_deref());
    }

    /// The same for a message that a guest publishes, with the exceptions of [`send_with`](Self::send_with).
    pub(crate) fn publish_with(&self, fields: &mut Vec<(String, String)>, span: Option<&Span>) {
        if self.0.tracer.propagate && !has_parent(fields) {
            self.write_message(fields, span);
        }
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.context)
    }
}

impl Span {
    /// Calls it something else.
    pub(crate) fn rename(&mut self, name: String) {
        if let Some(span) = &mut self.finished {
            span.name = name.into();
        }
    }

    /// Says something of it.
    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.finished {
            span.attributes.push((key, value.into()));
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.finished.as_ref().is_some_and(|span| span.failed)
    }

    /// It failed, in a way that has a short name.
    pub(crate) fn fail(&mut self, kind: impl Into<Value>) {
        self.set("error.type", kind);
        if let Some(span) = &mut self.finished {
            span.failed = true;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(mut span) = self.finished.take() else { return };
        span.ended = SystemTime::now();
        if self.tracer.queue.try_send(span).is_err() {
            self.tracer.lose(1);
        }
    }
}

fn random_trace() -> u128 {
    u128::from(random()) << 64 | u128::from(random())
}

/// A number for an identity: not 0. Each thread has a sequence of its own (SplitMix64), begun where the system says.
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(SystemTime::now()));
    }
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31).max(1)
}
