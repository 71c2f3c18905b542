//! Pools of memories, tables and stacks, sized from the limits; smaller where the address space does not suffice.
//!
//! Pool slots stay at the engine's 4 GiB, which costs address space only and lets code run without bounds checks.
//! What an instance may really use is the limiter's business ([`crate::instance`]).

use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::{Profile, code_config};

/// Memory that stays mapped in a slot between two uses: about the working set of a small component. With
/// `PAGEMAP_SCAN` only pages that were written are reset, so this costs memory and no time.
const MEMORY_KEEP_RESIDENT: usize = 256 << 10;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// The most that the limit `table-elements` can be raised to. As with memories, it costs address space only.
const TABLE_ELEMENTS_MAX: usize = 1_000_000;
/// Core instances, tables and memories for one component: toolchains use one to five.
const CORE_INSTANCES_PER_COMPONENT: u32 = 50;
const PARTS_PER_COMPONENT: u32 = 20;

/// An engine with room for `instances` instances at a time, or fewer if so much address space is not to be had, or
/// at last one that allocates on demand.
pub(super) fn engine(profile: Profile, instances: u32) -> wasmtime::Result<Engine> {
    for room in [instances, instances / 4, instances / 16] {
        match pooled(profile, room.max(16)) {
            Ok(engine) => return Ok(engine),
            Err(error) => {
                tracing::warn!(%profile, instances = room, %error, "no pool of this size, trying a smaller one")
            }
        }
    }
    tracing::warn!(%profile, "no address space for a pool: instances are allocated on demand, which is slower");
    let mut config = code_config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config)
}

fn pooled(profile: Profile, instances: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
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
