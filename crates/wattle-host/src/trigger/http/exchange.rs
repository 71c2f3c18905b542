//! A request and its answer as their connection sees them: what their bodies tell it while they move.

use std::sync::Arc;

use http::Request;
use http_body::Body;

use super::wire::{Framing, OpenStream, Progress, Streams};

/// A connection as its requests see it.
pub(super) enum Protocol {
    /// One request after the other.
    Http1(Arc<Progress>),
    /// Many side by side.
    Http2(Arc<Streams>),
}

/// One request on its connection. On HTTP/2 its stream is open until the last clone is dropped.
#[derive(Clone)]
pub(super) enum Exchange {
    Http1(Arc<Progress>),
    Http2(Arc<OpenStream>),
    /// It came from a component of the same app, on no connection.
    Inside,
}

impl Protocol {
    /// A head is whole, its request is being served.
    pub(super) fn begin<B: Body>(&self, request: &Request<B>) -> (Exchange, Framing) {
        match self {
            Protocol::Http1(progress) => (Exchange::Http1(progress.clone()), progress.begin(request)),
            // Where a request ends is told by its frames, and nothing else.
            Protocol::Http2(streams) => (Exchange::Http2(streams.open()), Framing::Clear),
        }
    }
}

impl Exchange {
    /// The request is there as a whole, or nobody wants the rest.
    pub(super) fn received(&self) {
        match self {
            Exchange::Http1(progress) => progress.received(),
            Exchange::Http2(_) | Exchange::Inside => {}
        }
    }

    /// There is room for more of the answer.
    pub(super) fn asked(&self) {
        match self {
            Exchange::Http1(_) | Exchange::Inside => {}
            Exchange::Http2(stream) => stream.asked(),
        }
    }

    /// The client must take a piece of the answer now.
    pub(super) fn handed_over(&self) {
        match self {
            Exchange::Http1(_) | Exchange::Inside => {}
            Exchange::Http2(stream) => stream.handed_over(),
        }
    }

    /// The answer is complete.
    pub(super) fn answered(&self) {
        match self {
            Exchange::Http1(progress) => progress.answered(),
            Exchange::Http2(_) | Exchange::Inside => {}
        }
    }
}
