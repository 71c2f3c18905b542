//! The engine alone: Wasmtime and hyper, and nothing that a host is beside that: no routes, ids, accounts, deadlines of
//! connections. With the limits of a host, or without; with an instance for each request, or with some that are used again.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store,
    UpdateDeadline,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use wattle_spec::limits::ComponentLimits;

use super::cores;

/// Whether what guests do is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limits {
    Off,
    /// As those of a component of a host are by default.
    On(ComponentLimits),
}

/// Instances that wait for a request. `None`: each request has its own.
type Kept = Option<Arc<Mutex<Vec<(Store<Guest>, Proxy)>>>>;

struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NothingLeaves,
    memory_left: usize,
    deadline: Option<Instant>,
}

/// Serves for as long as the process runs.
pub(super) fn start(guest: &Path, limits: Limits, is_reused: bool) -> SocketAddr {
    let engine = engine(limits).expect("an engine");
    if limits != Limits::Off {
        let engine = engine.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(wattle_host::engine::TICK);
                engine.increment_epoch();
            }
        });
    }
    let pre = Arc::new(join(&engine, guest).expect("the guest is a component for HTTP"));
    let kept: Kept = is_reused.then(Arc::default);
    cores::start(move |stream| serve(stream, pre.clone(), limits, kept.clone()))
}

fn engine(limits: Limits) -> wasmtime::Result<Engine> {
    wasmtime::error::disable_backtrace();
    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(256 << 10).table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.concurrency_support(false).epoch_interruption(limits != Limits::Off);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
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

fn store(engine: &Engine, limits: Limits) -> Store<Guest> {
    let guest = Guest {
        table: ResourceTable::new(),
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        hooks: NothingLeaves,
        memory_left: 0,
        deadline: None,
    };
    let mut store = Store::new(engine, guest);
    if let Limits::On(limits) = limits {
        let fitting = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let guest = store.data_mut();
        guest.memory_left = fitting(limits.memory.0);
        guest.deadline = Some(Instant::now() + limits.deadline);
        guest.table.set_max_capacity(limits.handles as usize);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(fitting(limits.host_call_bytes.0));
        store.set_max_component_handles(limits.handles as usize);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            let has_passed = store.data().deadline.is_some_and(|deadline| Instant::now() >= deadline);
            assert!(!has_passed, "the guest computes too long");
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())))
        });
    }
    store
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let left = self.memory_left.checked_sub(desired - current);
        self.memory_left = left.unwrap_or(self.memory_left);
        Ok(left.is_some())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}

/// No guest that is measured here sends requests.
struct NothingLeaves;

type Later<T> = Box<dyn Future<Output = T> + Send>;

impl WasiHttpHooks for NothingLeaves {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Later<Result<(), Error>>,
    ) -> Later<Result<(http::Response<WasiBody>, Later<Result<(), Error>>), Error>> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
