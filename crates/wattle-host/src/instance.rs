//! An instance of a component: its store, with everything the host keeps for it, and its limits.

mod limiter;
mod output;

use std::sync::Arc;
use std::time::Instant;

use tokio::task::yield_now;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::capability::http::OutgoingPolicy;
use crate::component::Identity;
use crate::engine::{ClockedEngine, Ticking};
use crate::invocation::Invocation;

use limiter::Limiter;
pub(crate) use output::{LineLog, LogRate, Source};

/// What a store holds for its instance.
pub(crate) struct Guest {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: OutgoingPolicy,
    limiter: Limiter,
    /// Who this is.
    pub(crate) identity: Arc<Identity>,
    /// Where its lines go.
    pub(crate) log: LineLog,
    /// When the call or calls under way must have ended; `None` while it rests.
    pub(crate) deadline: Option<Instant>,
    _ticking: Ticking,
}

/// The deadline of a call passed while the guest computed.
#[derive(Debug, thiserror::Error)]
#[error("the guest was still computing at its deadline")]
pub(crate) struct ComputedTooLong;

/// A store for a new instance of `identity`, whose first call is `invocation`.
pub(crate) fn new_store(engine: &ClockedEngine, identity: &Arc<Identity>, invocation: Invocation) -> Store<Guest> {
    let log = LineLog::new(identity.clone(), invocation.request);
    let guest = Guest {
        table: resource_table(identity),
        wasi: crate::capability::wasi::context(identity, &log),
        http: WasiHttpCtx::new(),
        outgoing: OutgoingPolicy,
        limiter: Limiter::new(&identity.limits),
        identity: identity.clone(),
        log,
        deadline: Some(invocation.deadline),
        _ticking: engine.tick(),
    };
    let mut store = Store::new(&engine.engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(usize::try_from(identity.limits.host_call_bytes.0).unwrap_or(usize::MAX));
    store.set_max_component_handles(identity.limits.handles as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| match store.data().deadline {
        Some(deadline) if Instant::now() >= deadline => Err(ComputedTooLong.into()),
        // The engine's own `Yield` wakes itself at once and starves sockets and timers of a current-thread runtime.
        _ => Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now()))),
    });
    store
}

fn resource_table(identity: &Identity) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(identity.limits.handles as usize);
    table
}

impl Guest {
    /// The instance serves another request.
    pub(crate) fn wake(&mut self, invocation: Invocation) {
        self.deadline = Some(invocation.deadline);
        self.log.serve(invocation.request);
    }

    /// Whether the instance has asked for more memory or table elements than it may have.
    pub(crate) fn hit_limit(&self) -> Option<&'static str> {
        self.limiter.refused
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}
