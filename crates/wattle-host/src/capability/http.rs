//! `wasi:http`: the types and the clients of both versions.

use std::sync::{Arc, LazyLock};

use ::http::HeaderName;
use ::http::header::TE;
use tracing::Level;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks,
};
use wattle_spec::limits::ComponentLimits;
use wattle_spec::resolve::Offer;

use super::joinable::Joinable;
use super::{Capability, offering, personal};
use crate::engine::Profile;
use crate::instance::{Guest, LineLog, Source};
use crate::outgoing::SendError;
use crate::telemetry::Leaving;

/// `wasi:http` but for what a component exports.
pub(super) struct Http;

impl Capability for Http {
    fn offers(&self) -> Vec<Offer> {
        offering(
            &[
                "wasi:http/types@0.2.12",
                "wasi:http/outgoing-handler@0.2.12",
                "wasi:http/types@0.3.0",
                "wasi:http/client@0.3.0",
            ],
            None,
        )
    }

    fn joinable(&self) -> &'static [Joinable] {
        &personal::WASI_HTTP
    }

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
        match profile {
            Profile::Fast => Ok(()),
            Profile::Concurrent => wasmtime_wasi_http::p3::add_to_linker(linker),
        }
    }
}

/// What an instance does to HTTP: which fields it sees, and how its requests leave.
pub(crate) struct HttpHooks {
    log: LineLog,
}

impl HttpHooks {
    pub(crate) fn new(log: LineLog) -> Self {
        Self { log }
    }
}

type Later<T> = Box<dyn Future<Output = T> + Send>;

/// Bytes of a body that are taken from the guest at a time; two such pieces wait for a slow client.
const PIECE_MAX: usize = 64 << 10;

/// The state of `wasi:http` for an instance.
pub(crate) fn context(limits: &ComponentLimits) -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(usize::try_from(limits.fields.0).unwrap_or(usize::MAX));
    context
}

/// What a guest neither sees nor sets: it belongs to the connection.
fn is_forbidden(name: &HeaderName) -> bool {
    *name == TE || DEFAULT_FORBIDDEN_HEADERS.contains(name)
}

impl WasiHttpHooks for HttpHooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        static FILTER: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));
        FILTER.clone()
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_MAX
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_MAX
    }

    /// The client fills it in from the target.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        mut request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Later<Result<(), Error>>,
    ) -> Later<Result<(::http::Response<WasiBody>, Later<Result<(), Error>>), Error>> {
        let log = self.log.clone();
        let mut watched = Leaving::watch(log.current(), &mut request);
        Box::new(async move {
            let current = log.current();
            let sent = current.identity().outgoing.send(current, request, options.unwrap_or_default()).await;
            if let (Some(watched), Ok(response)) = (&mut watched, &sent) {
                watched.answered(response.status());
            }
            let response = sent.map_err(|error| told(error, &log))?;
            let done: Later<Result<(), Error>> = Box::new(std::future::ready(Ok(())));
            Ok((response, done))
        })
    }
}

/// Writes into the log what the guest's error code has no room for.
fn told(error: SendError, log: &LineLog) -> Error {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    log.line(Source::Log(Level::WARN), "wasi:http", format!("{error}{hint}").as_bytes());
    error.into()
}
