//! Requests that components send: counted, a span of their request's trace, and sent with that trace.

use http::{Request, StatusCode};

use super::known_method;
use super::tracer::{Kind, Span};
use crate::instance::Current;

/// A request that is on its way, until the head of its answer is there. It has ended when this is dropped.
pub(crate) struct Leaving {
    current: Current,
    /// `None`: without an answer.
    status: Option<u16>,
    span: Option<Span>,
}

impl Leaving {
    /// Watches `request` of the instance `current`, and makes it a part of the trace. `None`: nobody asked for it.
    ///
    /// The span says whom the request is for; its path and query may hold secrets.
    pub(crate) fn watch<B>(current: &Current, request: &mut Request<B>) -> Option<Self> {
        current.series()?;
        let trace = current.trace();
        let mut span = trace.as_ref().and_then(|trace| trace.child(Kind::Client, ""));
        if let Some(span) = &mut span {
            let method = known_method(request.method());
            span.rename(method.unwrap_or("HTTP").to_owned());
            span.set("http.request.method", method.unwrap_or("_OTHER"));
            span.set("server.address", request.uri().host().unwrap_or_default().to_owned());
            span.set("wattle.app", current.identity().app.to_string());
            span.set("wattle.component", current.identity().name.to_string());
            let port = request.uri().port_u16();
            span.set("server.port", port.unwrap_or(if request.uri().scheme_str() == Some("https") { 443 } else { 80 }));
        }
        if let Some(trace) = &trace {
            trace.send_with(request.headers_mut(), span.as_ref());
        }
        Some(Self { current: current.clone(), status: None, span })
    }

    /// The head of the answer is there.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status.as_u16());
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(series) = self.current.series() {
            series.on(self.current.core()).outgoing_ended(self.status);
        }
        match (&mut self.span, self.status) {
            (Some(span), Some(status)) => {
                span.set("http.response.status_code", status);
                if status >= 400 {
                    span.fail(status.to_string());
                }
            }
            (Some(span), None) => span.fail("no-answer"),
            (None, _) => {}
        }
    }
}
