//! Pools of memories, tables and stacks, sized from the limits; smaller where the address space does not suffice.
//!
//! Pool slots stay at the engine's 4 GiB, which costs address space only and lets code run without bounds checks.
//! What an instance may really use is the limiter's business ([`crate::instance`]).

use std::sync::Arc;

use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, PoolingAllocatorMetrics};

use super::{Profile, code_config};
use crate::places::{Crossed, Watermark};

/// Memory that stays mapped in a slot between two uses: about the working set of a small component. With
/// `PAGEMAP_SCAN` only pages that were written are reset, so this costs memory and no time.
const MEMORY_KEEP_RESIDENT: usize = 256 << 10;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// The most that the limit `table-elements` can be raised to. As with memories, it costs address space only.
const TABLE_ELEMENTS_MAX: usize = 1_000_000;
/// Core instances, tables and memories for one component: toolchains use one to five.
const CORE_INSTANCES_PER_COMPONENT: u32 = 50;
const PARTS_PER_COMPONENT: u32 = 20;

/// The core instances and tables of a pool, for each instance of a component that it has room for.
const CORE_INSTANCES_PER_INSTANCE: u32 = 4;
const TABLES_PER_INSTANCE: u32 = 2;

/// The smallest pool: eight components that are called together, with a memory each, have room in it.
const POOL_MIN: u32 = 8;

/// The limits that pools are sized from.
const LIMITS: &str = "concurrent-requests and concurrent-calls of the host";

/// What is used of an engine's pool; nothing of one that allocates on demand.
#[derive(Clone)]
pub(crate) struct Pool(Option<Arc<Used>>);

struct Used {
    profile: Profile,
    metrics: PoolingAllocatorMetrics,
    instances: u64,
    /// Of instances, core instances, memories and tables.
    watermarks: [Watermark; 4],
}

impl Pool {
    /// That of `engine`, with room for so many `instances`.
    fn of(engine: &Engine, profile: Profile, instances: u32) -> Self {
        let used = |metrics| Used { profile, metrics, instances: instances.into(), watermarks: Default::default() };
        Self(engine.pooling_allocator_metrics().map(used).map(Arc::new))
    }

    /// Tells whoever reads the log when something of it is nearly used up.
    pub(crate) fn watch(&self) {
        let Some(Used { profile, metrics, instances, watermarks }) = self.0.as_deref() else { return };
        let parts = [
            ("instances", metrics.component_instances(), *instances),
            ("core instances", metrics.core_instances(), instances * u64::from(CORE_INSTANCES_PER_INSTANCE)),
            ("memories", metrics.memories() as u64, *instances),
            ("tables", metrics.tables() as u64, instances * u64::from(TABLES_PER_INSTANCE)),
        ];
        for ((what, used, count), watermark) in parts.into_iter().zip(watermarks) {
            match watermark.at(used, count) {
                Some(Crossed::Short) => tracing::warn!("{what} {used}/{count} used in the {profile} pool ({LIMITS})"),
                Some(Crossed::Room) => {
                    tracing::info!("{what} {used}/{count} used in the {profile} pool, there is room again")
                }
                None => {}
            }
        }
    }
}

/// An engine with room for `instances` instances at a time, or fewer if so much address space is not to be had, or
/// at last one that allocates on demand.
pub(super) fn engine(profile: Profile, instances: u32) -> wasmtime::Result<(Engine, Pool)> {
    for room in [instances, instances / 4, instances / 16].map(|room| room.max(POOL_MIN)) {
        match pooled(profile, room) {
            Ok(engine) => {
                let pool = Pool::of(&engine, profile, room);
                return Ok((engine, pool));
            }
            Err(error) => {
                tracing::warn!(%profile, instances = room, %error, "no pool of this size, trying a smaller one")
            }
        }
    }
    tracing::warn!(%profile, "no address space for a pool: instances are allocated on demand, which is slower");
    let mut config = code_config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Ok((Engine::new(&config)?, Pool(None)))
}

fn pooled(profile: Profile, instances: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_INSTANCE).max(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE).max(PARTS_PER_COMPONENT))
        .total_stacks(instances)
        .total_gc_heaps(instances)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(PARTS_PER_COMPONENT)
        .max_tables_per_component(PARTS_PER_COMPONENT)
        .max_memories_per_module(PARTS_PER_COMPONENT)
        .max_tables_per_module(PARTS_PER_COMPONENT)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = code_config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}
