//! An instance of a component: its store, with everything the host keeps for it, and its limits.

mod current;
mod guest_memory;
mod in_force;
mod limiter;
mod member;
mod output;
mod process;

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wasmtime::component::{ResourceTable, ResourceTableError};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::answer::Failure;
use crate::capability::blobs::Ahead;
use crate::capability::wasi::{self, CommandLine, Console};
use crate::component::{Component, Identity};
use crate::cores::CoreId;
use crate::engine::{PoolWatch, next_turn};
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::sibling::Arguments;
use crate::telemetry::Shard;

pub(crate) use current::Current;
pub(crate) use guest_memory::{AppMemory, GuestMemory};
pub(crate) use in_force::LinksInForce;
use limiter::Limiter;
pub(crate) use member::{MEMBERS_MAX, Member, MemberId, Split, cli, filesystem, for_each_member, http, sockets};
pub(crate) use output::{LineLog, LogRate, Source};
pub(crate) use process::{ProcessStreams, ReaderGone};

/// What a store holds for its instance. An embedder sees of it what a [`NativeCall`](crate::NativeCall) tells.
pub struct Guest {
    pub(crate) table: ResourceTable,
    /// The component that it was made for.
    pub(crate) first: Member,
    /// Those that are composed with it.
    others: Box<[Member]>,
    /// What its unfinished blobs hold.
    pub(crate) blobs_ahead: Ahead,
    limiter: Limiter,
    /// Until when it may compute.
    pub(crate) deadline: Deadline,
    /// What its calls of other components hold.
    pub(crate) arguments: Arguments,
    _pool: PoolWatch,
}

/// The state of WASI for an instance.
#[expect(clippy::large_enum_variant, reason = "a box would cost every request of a component an allocation")]
pub(crate) enum Wasi {
    Component(WasiCtx),
    /// Preview 1 has a table of its own.
    Module(Box<WasiP1Ctx>),
}

/// Until when an instance may compute.
#[derive(Clone)]
pub(crate) enum Deadline {
    /// It rests, or whoever runs it watches from outside.
    None,
    /// Until its one call must have ended.
    Of(Instant),
    /// Until the first of its calls must have ended, whichever that is now.
    Shared(SharedDeadline),
}

/// A deadline that is changed from outside of the store.
pub(crate) type SharedDeadline = Arc<Mutex<Option<Instant>>>;

impl Deadline {
    fn has_passed(&self) -> bool {
        self.instant().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// How much time is left, if it ends.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.instant().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// When it is now.
    pub(crate) fn instant(&self) -> Option<Instant> {
        match self {
            Deadline::None => None,
            Deadline::Of(deadline) => Some(*deadline),
            Deadline::Shared(shared) => *shared.lock().expect("invariant: nothing panics while it holds this lock"),
        }
    }
}

impl From<Option<Instant>> for Deadline {
    fn from(deadline: Option<Instant>) -> Self {
        deadline.map_or(Deadline::None, Deadline::Of)
    }
}

/// The deadline of a call passed while the guest computed.
#[derive(Debug, thiserror::Error)]
#[error("the guest was still computing at its deadline")]
pub(crate) struct ComputedTooLong;

/// A store for a new instance of `component` on `core`, whose first call is `invocation`.
pub(crate) fn new_store(component: &Component, core: CoreId, invocation: &Invocation) -> Store<Guest> {
    command_store(component, core, invocation, &CommandLine::default())
}

/// The same, for one that is called with `command_line`.
pub(crate) fn command_store(
    component: &Component,
    core: CoreId,
    invocation: &Invocation,
    command_line: &CommandLine,
) -> Store<Guest> {
    let shard = component.identity.series.as_ref().map(|series| series.on(core).clone());
    if let Some(shard) = &shard {
        shard.instance_made();
    }
    let current = Current::new(component.identity.clone(), core, invocation);
    let first = member(current, command_line, Console::Log);
    store_with(component, first, invocation, shard)
}

/// A store for an instance of `component` that is called with `command_line` and has the streams of this process. It may
/// compute for as long as nobody drops it.
pub(crate) fn process_store(
    component: &Component,
    command_line: &CommandLine,
    streams: &ProcessStreams,
) -> Store<Guest> {
    let (request, trigger, chain) = (RequestId::next(), TriggerKind::Command, Chain::default());
    let invocation = Invocation { request, trigger, deadline: None, trace: None, chain };
    let current = Current::new(component.identity.clone(), CoreId::ALONE, &invocation);
    let first = member(current, command_line, Console::Process(streams));
    store_with(component, first, &invocation, None)
}

/// What a store holds for a component that is called with `command_line` and has these streams.
fn member(current: Current, command_line: &CommandLine, console: Console<'_>) -> Member {
    let wasi = wasi::context(current.identity(), &LineLog::new(current.clone()), command_line, console);
    Member::new(current, wasi)
}

/// A store whose instance is counted in `shard`, if anywhere.
fn store_with(
    component: &Component,
    first: Member,
    invocation: &Invocation,
    shard: Option<Arc<Shard>>,
) -> Store<Guest> {
    let Component { identity, engine, composed, memory, .. } = component;
    let no_arguments = CommandLine::default();
    let others = composed.iter().map(|other| member(first.current.of(other.clone()), &no_arguments, Console::Log));
    let guest = Guest {
        table: resource_table(identity),
        others: others.collect(),
        first,
        blobs_ahead: Ahead::default(),
        limiter: Limiter::new(&identity.limits, shard, memory.clone()),
        deadline: invocation.deadline.into(),
        arguments: Arguments::default(),
        _pool: engine.watch(),
    };
    let mut store = Store::new(&engine.engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(usize::try_from(identity.limits.host_call_bytes.0).unwrap_or(usize::MAX));
    store.set_max_component_handles(identity.limits.handles as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| match store.data().deadline.has_passed() {
        true => Err(ComputedTooLong.into()),
        false => Ok(UpdateDeadline::YieldCustom(1, Box::pin(next_turn()))),
    });
    store
}

fn resource_table(identity: &Identity) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(identity.limits.handles as usize);
    table
}

impl Wasi {
    /// The state of preview 1, with as many handles as `identity` may hold.
    pub(crate) fn module(mut context: WasiP1Ctx, identity: &Identity) -> Self {
        *context.ctx().table = resource_table(identity);
        Wasi::Module(Box::new(context))
    }
}

impl Guest {
    /// The instance serves another request.
    pub(crate) fn wake(&mut self, invocation: &Invocation) {
        self.deadline = invocation.deadline.into();
        self.first.current.serve_alone(invocation);
        self.first.renew_links();
        self.others.iter_mut().for_each(Member::renew_links);
    }

    /// Whether links were changed since its invocation began: what it holds open is of the old ones.
    pub(crate) fn has_old_links(&self) -> bool {
        self.first.has_old_links() || self.others.iter().any(Member::has_old_links)
    }

    /// Whether it holds an outgoing body that it has neither finished nor given up.
    pub(crate) fn is_writing(&mut self) -> bool {
        self.table.iter_mut().any(|entry| (&*entry as &dyn Any).is::<HostOutgoingBody>())
    }

    /// The same failure, with the limit that caused it.
    pub(crate) fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Trap(error) => Failure::Trap(self.with_limit(error)),
            // It is not the component's fault.
            Failure::Start(_) if self.limiter.refused == Some(limiter::OF_ALL) => Failure::NoMemory,
            Failure::Start(error) => Failure::Start(self.with_limit(error)),
            other => other,
        }
    }

    /// The same error, with the limit that caused it.
    pub(crate) fn with_limit(&self, error: wasmtime::Error) -> wasmtime::Error {
        match self.limit_behind(&error) {
            Some(limit) => error.context(format!("it has hit its limit {limit}")),
            None => error,
        }
    }

    /// The limit that caused an error, if one did.
    pub(crate) fn limit_behind(&self, error: &wasmtime::Error) -> Option<&'static str> {
        self.limiter.refused.or_else(|| limit_behind(error))
    }

    /// What functions of preview 1 work on.
    pub(crate) fn preview1(&mut self) -> &mut WasiP1Ctx {
        match &mut self.first.wasi {
            Wasi::Module(context) => context,
            Wasi::Component(_) => unreachable!("invariant: only core modules are joined to preview 1"),
        }
    }
}

/// The limit that an error of the engine speaks of. It has no types for most of these.
fn limit_behind(error: &wasmtime::Error) -> Option<&'static str> {
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some("handles");
    }
    let root = error.root_cause().to_string();
    match () {
        () if root.contains("fuel allocated for hostcalls") => Some("host-call-bytes"),
        () if root.contains("requested len") => Some("host-call-bytes"),
        () if root.contains("handle limit exceeded") => Some("handles"),
        () if root.contains("size of fields") => Some("fields"),
        () => None,
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.first.wasi(&mut self.table)
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.first.http(&mut self.table)
    }
}
