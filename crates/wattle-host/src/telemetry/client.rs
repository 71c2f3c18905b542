//! The way to a collector: one message in one request, with a limit on how long that takes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::time::timeout;
use wattle_spec::telemetry::{CollectorUrl, Secret};

use super::TelemetryError;
use crate::error::with_causes;

/// How long one request may take, as OTLP has it by default.
const REQUEST: Duration = Duration::from_secs(10);

/// The most of an answer that is read, to use its connection again.
const ANSWER_MAX: usize = 64 << 10;

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The collector has it.
    Taken,
    /// It may take it at another time.
    Later,
    /// It never will.
    Lost,
}

/// Sends messages to a collector.
pub(super) struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    collector: CollectorUrl,
    fields: HeaderMap,
    /// Whether the last message was refused: each change is told once.
    failing: bool,
}

/// Why a collector did not take a message. None of it repeats a header field.
#[derive(Debug)]
enum Refusal {
    Slow,
    Unreachable(String),
    Status(StatusCode),
}

impl Client {
    /// `tls` is for a collector that is spoken to over TLS.
    pub(super) fn new<'a>(
        collector: &CollectorUrl,
        headers: impl IntoIterator<Item = (&'a String, &'a Secret)>,
        tls: ClientConfig,
    ) -> Result<Self, TelemetryError> {
        let mut fields = HeaderMap::new();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        fields.insert(header::USER_AGENT, HeaderValue::from_static(concat!("wattle/", env!("CARGO_PKG_VERSION"))));
        for (name, Secret(value)) in headers {
            let wrong = || TelemetryError::Header { name: name.clone() };
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            fields.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions();
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector.wrap_connector(tcp));
        Ok(Self { http, collector: collector.clone(), fields, failing: false })
    }

    /// Sends a message of `signal`.
    pub(super) async fn send(&mut self, signal: &str, message: Bytes) -> Sent {
        let sent = timeout(REQUEST, self.request(signal, message)).await.unwrap_or(Err(Refusal::Slow));
        let collector = &self.collector;
        match &sent {
            Ok(()) if self.failing => tracing::info!(%collector, "the collector takes telemetry again"),
            Err(refusal) if !self.failing => {
                tracing::warn!(%collector, signal, "the collector does not take telemetry: {refusal}");
            }
            _ => {}
        }
        self.failing = sent.is_err();
        match sent {
            Ok(()) => Sent::Taken,
            Err(refusal) if refusal.is_passing() => Sent::Later,
            Err(_) => Sent::Lost,
        }
    }

    async fn request(&self, signal: &str, message: Bytes) -> Result<(), Refusal> {
        let uri: Uri = self.collector.of(signal).parse().map_err(|_| Refusal::Unreachable("no URI".into()))?;
        let mut request = Request::post(uri).body(Full::new(message)).expect("invariant: a URI makes a request");
        request.headers_mut().extend(self.fields.clone());
        let answer = self.http.request(request).await.map_err(|error| Refusal::Unreachable(with_causes(&error)))?;
        let status = answer.status();
        let _ = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        if status.is_success() { Ok(()) } else { Err(Refusal::Status(status)) }
    }
}

impl Refusal {
    /// Whether the same message may be taken later. The statuses are those that OTLP names.
    fn is_passing(&self) -> bool {
        match self {
            Refusal::Slow | Refusal::Unreachable(_) => true,
            Refusal::Status(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Slow => write!(f, "it did not answer within {} s", REQUEST.as_secs()),
            Refusal::Unreachable(reason) => f.write_str(reason),
            Refusal::Status(status) => write!(f, "it answered {status}"),
        }
    }
}
