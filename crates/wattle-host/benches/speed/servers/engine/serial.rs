//! Instances that serve one request at a time (WASI 0.2).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use super::super::cores;
use super::{Concurrency, Guest, Limits, engine, store};

/// Which instances serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Instances {
    /// Each request has its own.
    Fresh,
    /// Those that rest.
    Reused,
}

/// Instances that wait for a request. `None`: each request has its own.
type Kept = Option<Arc<Mutex<Vec<(Store<Guest>, Proxy)>>>>;

/// Serves for as long as the process runs.
pub(in super::super) fn start(guest: &Path, limits: Limits, instances: Instances) -> SocketAddr {
    let engine = engine(limits, Concurrency::Off).expect("an engine");
    if limits != Limits::Off {
        let engine = engine.clone();
        // As often as that of a host while guests compute, which is four times as often as while none does.
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(wattle_host::engine::TICK);
                engine.increment_epoch();
            }
        });
    }
    let pre = Arc::new(join(&engine, guest).expect("the guest is a component for HTTP"));
    let kept: Kept = (instances == Instances::Reused).then(Arc::default);
    cores::start(move |stream| serve(stream, pre.clone(), limits, kept.clone()))
}

fn join(engine: &Engine, guest: &Path) -> wasmtime::Result<ProxyPre<Guest>> {
    let component = Component::from_file(engine, guest)?;
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    ProxyPre::new(linker.instantiate_pre(&component)?)
}

async fn serve(stream: TcpStream, pre: Arc<ProxyPre<Guest>>, limits: Limits, kept: Kept) {
    let service = service_fn(|request| {
        let (pre, kept) = (pre.clone(), kept.clone());
        async move {
            let (answer, answered) = oneshot::channel();
            tokio::spawn(async move {
                let call = async {
                    let rested = kept.as_ref().and_then(|kept| kept.lock().expect("nobody panics").pop());
                    let (mut store, proxy) = match rested {
                        Some(rested) => rested,
                        None => {
                            let mut store = store(pre.engine(), limits);
                            let proxy = pre.instantiate_async(&mut store).await?;
                            (store, proxy)
                        }
                    };
                    let mut http = store.data_mut().http();
                    let request = http.new_incoming_request(Scheme::Http, request)?;
                    let outparam = http.new_response_outparam(answer)?;
                    proxy.wasi_http_incoming_handler().call_handle(&mut store, request, outparam).await?;
                    if let Some(kept) = &kept {
                        kept.lock().expect("nobody panics").push((store, proxy));
                    }
                    wasmtime::error::Ok(())
                };
                let done = match limits {
                    Limits::Off => call.await,
                    Limits::On(limits) => timeout(limits.deadline, call).await.expect("it ends in time"),
                };
                done.expect("the guest answers");
            });
            Ok::<_, Infallible>(answered.await.expect("an answer").expect("a good one"))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
