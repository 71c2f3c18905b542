//! What is told of a request once its answer has ended: a line of the access log, a span, numbers, whichever somebody asked
//! for.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request, Version};

use super::server::Sender;
use super::target::{Answerer, Target};
use crate::answer::ErrorCode;
use crate::cores::CoreId;
use crate::invocation::RequestId;
use crate::telemetry::{Series, Span, Telemetry, known_method};

/// What is known of a request so far. It is told when this is dropped.
pub(super) struct Account {
    request: RequestId,
    core: CoreId,
    method: Method,
    protocol: Version,
    began: Instant,
    /// Who answers, if somebody does.
    answerer: Option<Answerer>,
    /// `None` until the answer has begun.
    pub(super) status: Option<u16>,
    /// How much of the answer's body went out.
    pub(super) bytes: u64,
    line: Option<Line>,
    numbers: Option<Arc<Series>>,
    pub(super) span: Option<Span>,
}

/// What the access log has beside that.
struct Line {
    sender: Sender,
    /// Without the query, in which there may be secrets.
    path: String,
}

impl Account {
    /// Of a request that begins.
    pub(super) fn open<B>(request: &Request<B>, id: RequestId, core: CoreId) -> Self {
        Self {
            request: id,
            core,
            method: request.method().clone(),
            protocol: request.version(),
            began: Instant::now(),
            answerer: None,
            status: None,
            bytes: 0,
            line: None,
            numbers: None,
            span: None,
        }
    }

    /// It becomes a line of the access log, too.
    pub(super) fn log<B>(&mut self, request: &Request<B>, sender: Sender) {
        self.line = Some(Line { sender, path: request.uri().path().to_owned() });
    }

    /// It is counted, too, and becomes a `span`.
    pub(super) fn count(&mut self, telemetry: &Telemetry, span: Option<Span>) {
        self.numbers = Some(telemetry.metrics.nobody().clone());
        self.span = span;
        if let Some(span) = &mut self.span {
            let method = known_method(&self.method);
            span.rename(method.unwrap_or("HTTP").to_owned());
            span.set("http.request.method", method.unwrap_or("_OTHER"));
            span.set("network.protocol.version", version(self.protocol));
            span.set("wattle.request", self.request.to_string());
        }
    }

    /// It is known who answers to `request`, which has its canonical form.
    pub(super) fn route<B>(&mut self, target: &Target, request: &Request<B>) {
        self.answerer = Some(target.answerer.clone());
        if let Some(series) = &target.series {
            series.on(self.core).request_began();
            self.numbers = Some(series.clone());
        }
        if let Some(span) = &mut self.span {
            let method = known_method(&self.method).unwrap_or("HTTP");
            span.rename(format!("{method} {}", target.pattern));
            span.set("url.scheme", request.uri().scheme_str().unwrap_or_default().to_owned());
            span.set("http.route", target.pattern.to_string());
            span.set("wattle.app", target.answerer.app().to_string());
            if let Some(component) = target.answerer.component() {
                span.set("wattle.component", component.to_string());
            }
        }
    }

    /// It is answered by the host itself, with an error. What a client did wrong is no failure of its span.
    pub(super) fn refuse(&mut self, code: ErrorCode) {
        if let Some(numbers) = &self.numbers {
            numbers.failed(code);
        }
        if let Some(span) = self.span.as_mut().filter(|_| code.status().is_server_error()) {
            span.fail(code.as_str());
        }
    }

    /// Its answer had begun and is cut.
    pub(super) fn cut(&mut self) {
        if let Some(span) = &mut self.span {
            span.fail("cut");
        }
    }

    fn write_line(&self, Line { sender, path }: &Line) {
        let answerer = self.answerer.as_ref();
        let (app, component) = (answerer.map(Answerer::app), answerer.and_then(Answerer::component));
        tracing::info!(
            target: "access",
            client = sender.client().map(tracing::field::display),
            sent_by = sender.chain().sender.map(tracing::field::display),
            app = app.map(tracing::field::display),
            component = component.map(tracing::field::display),
            method = %self.method,
            path,
            protocol = ?self.protocol,
            status = self.status,
            bytes = self.bytes,
            duration_ms = self.began.elapsed().as_secs_f64() * 1000.0,
            request = %self.request,
        );
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            self.write_line(line);
        }
        if let Some(numbers) = &self.numbers {
            let shard = numbers.on(self.core);
            shard.request_ended(self.status, self.began.elapsed());
            if self.answerer.is_some() {
                shard.request_left();
            }
        }
        if let (Some(span), Some(status)) = (&mut self.span, self.status) {
            span.set("http.response.status_code", status);
            if status >= 500 && !span.has_failed() {
                span.fail(status.to_string());
            }
        }
    }
}

fn version(protocol: Version) -> &'static str {
    match protocol {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
