//! `wasi:http`: the types of both versions. Outgoing requests are refused until an app can be allowed them.

use wasmtime::component::Linker;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};
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

impl WasiHttpHooks for OutgoingPolicy {
    fn send_request(
        &mut self,
        _: ::http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Later<Result<(), Error>>,
    ) -> Later<Result<(::http::Response<WasiBody>, Later<Result<(), Error>>), Error>> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}
