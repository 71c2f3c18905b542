//! The engine alone: Wasmtime and hyper, and nothing that a host is beside that: no routes, ids, accounts, deadlines of
//! connections. With the limits of a host, or without.

pub(super) mod alone;
pub(super) mod serial;
pub(super) mod shared;

use std::time::Instant;

use tokio::task::yield_now;
use wasmtime::component::ResourceTable;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store,
    UpdateDeadline,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use wattle_spec::limits::ComponentLimits;

/// Whether what guests do is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limits {
    Off,
    /// As those of a component of a host are by default.
    On(ComponentLimits),
}

/// Whether components of WASI 0.3 run, too, which costs all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concurrency {
    Off,
    On,
}

struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NothingLeaves,
    memory_left: usize,
    deadline: Option<Instant>,
}

fn engine(limits: Limits, concurrency: Concurrency) -> wasmtime::Result<Engine> {
    wasmtime::error::disable_backtrace();
    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(256 << 10).table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.concurrency_support(concurrency == Concurrency::On).epoch_interruption(limits != Limits::Off);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
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
