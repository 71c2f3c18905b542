//! What a host tells of itself: traces and metrics, to a collector of OpenTelemetry or to whoever comes to read them.
//!
//! A host that nobody asked for it has no [`Telemetry`] at all, and its data path pays one look at an `Option`. The
//! messages of OTLP are made here from our own spans and numbers: OpenTelemetry's SDK would keep every number a second
//! time, behind locks, and reads the environment of a process that may belong to an embedder.

mod called;
mod client;
mod delivered;
mod exporter;
mod host_call;
mod leaving;
mod metered;
mod metrics;
pub(crate) mod open_metrics;
mod otlp;
mod process;
mod sampler;
mod shard;
mod snapshot;
mod trace_context;
mod tracer;
mod usage;
mod window;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use wattle_spec::telemetry::TelemetrySpec;

use crate::outgoing::Network;
pub(crate) use called::{CallEnd, Called};
use client::Client;
pub(crate) use delivered::{Delivered, Fate};
pub(crate) use exporter::Exporter;
use exporter::Work;
pub(crate) use host_call::{Function, HostCallError, LinkFacts, Watched, watch};
pub(crate) use leaving::Leaving;
pub(crate) use metered::Metered;
use metrics::Metrics;
pub(crate) use metrics::Series;
use otlp::Sender;
pub(crate) use sampler::Sampler;
pub(crate) use shard::Shard;
pub use tracer::Trace;
pub(crate) use tracer::{Kind, Span, Tracer};
pub(crate) use usage::Usage;

/// What is told of a host.
pub(crate) struct Telemetry {
    pub(crate) metrics: Metrics,
    /// `None`: no traces.
    pub(crate) tracer: Option<Arc<Tracer>>,
    since: SystemTime,
}

/// Why a host cannot tell of itself what it should.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A header field for the collector is none. Its value, which may be a secret, is not repeated.
    #[error("the header field {name:?} cannot be sent to the collector: its name or its value is not valid in HTTP")]
    Header {
        /// Which one.
        name: String,
    },
    /// The collector cannot be spoken to over TLS.
    #[error("TLS cannot be set up for the collector")]
    Tls(#[source] rustls::Error),
    /// The thread that tells the collector could not be started.
    #[error("cannot start the thread that tells the collector")]
    Thread(#[source] io::Error),
}

impl Telemetry {
    /// Metrics alone, of at most `components_max` components, counted on `network.cores()` cores.
    pub(crate) fn counting(components_max: u32, network: &Network) -> Arc<Self> {
        let metrics = Metrics::new(components_max, network.cores());
        Arc::new(Self { metrics, tracer: None, since: SystemTime::now() })
    }

    /// Metrics and traces for a collector, if `spec` names one.
    pub(crate) fn exported(
        spec: &TelemetrySpec,
        components_max: u32,
        network: &Network,
    ) -> Result<Option<(Arc<Self>, Exporter)>, TelemetryError> {
        let Some(collector) = &spec.endpoint else { return Ok(None) };
        let tls = network.tls().map_err(TelemetryError::Tls)?;
        let client = Client::new(collector, &spec.headers, (*tls).clone())?;
        let (tracer, spans) = Tracer::new(spec.sampling, spec.propagate);
        let metrics = Metrics::new(components_max, network.cores());
        let telemetry = Arc::new(Self { metrics, tracer: Some(tracer), since: SystemTime::now() });
        let sender = Sender::new(&spec.service_name);
        let work = Work { telemetry: telemetry.clone(), spans, client, sender, interval: spec.interval };
        let exporter = Exporter::start(work).map_err(TelemetryError::Thread)?;
        Ok(Some((telemetry, exporter)))
    }
}

/// A method by its name, unless it is one that only its client knows: what clients invent is no name for a span.
pub(crate) fn known_method(method: &Method) -> Option<&'static str> {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    known.into_iter().find(|name| method.as_str() == *name)
}
