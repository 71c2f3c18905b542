//! `wasi:http`: the types of both versions. Outgoing requests are refused until an app can be allowed them.

use std::sync::{Arc, LazyLock};

use ::http::HeaderName;
use ::http::header::TE;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks,
};
use wattle_spec::resolve::Offer;

use super::{Capability, offering};
use crate::engine::Profile;
use crate::instance::Guest;

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

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
        match profile {
            Profile::Fast => Ok(()),
            Profile::Concurrent => wasmtime_wasi_http::p3::add_to_linker(linker),
        }
    }
}

/// What a component may reach over HTTP: nothing.
pub(crate) struct OutgoingPolicy;

type Later<T> = Box<dyn Future<Output = T> + Send>;

/// Bytes that one `fields` may take in memory.
const FIELDS_MAX: usize = 64 << 10;
/// Bytes of a body that are taken from the guest at a time; two such pieces wait for a slow client.
const PIECE_MAX: usize = 64 << 10;

/// The state of `wasi:http` for an instance.
pub(crate) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_MAX);
    context
}

/// What a guest neither sees nor sets: it belongs to the connection.
fn is_forbidden(name: &HeaderName) -> bool {
    *name == TE || DEFAULT_FORBIDDEN_HEADERS.contains(name)
}

impl WasiHttpHooks for OutgoingPolicy {
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

    fn send_request(
        &mut self,
        _: ::http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Later<Result<(), Error>>,
    ) -> Later<Result<(::http::Response<WasiBody>, Later<Result<(), Error>>), Error>> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}
