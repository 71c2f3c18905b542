//! The bound on what one instance may hold: memory over all its memories, elements over all its tables. What it holds of
//! memory is told to whoever counts.

use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wattle_spec::limits::ComponentLimits;

use super::AppMemory;
use crate::telemetry::Shard;

/// The limit of the host that its instances share.
pub(super) const OF_ALL: &str = "guest-memory of the host";

/// Counts what an instance holds and refuses what goes over.
pub(super) struct Limiter {
    memory_left: usize,
    /// What it shares with all others. `None`: what it may hold is kept for it.
    shared: Option<Arc<AppMemory>>,
    /// Of memory.
    held: usize,
    /// Where it is counted. `None`: nobody does.
    shard: Option<Arc<Shard>>,
    elements_left: usize,
    /// What was granted last: taken back if the engine cannot give it.
    granted: Granted,
    /// The first limit that was hit, for the log.
    pub(super) refused: Option<&'static str>,
}

#[derive(Default)]
struct Granted {
    memory: usize,
    elements: usize,
}

impl Limiter {
    /// For an instance that is counted in `shard` and takes its memory from what is `shared`, if anything is.
    pub(super) fn new(limits: &ComponentLimits, shard: Option<Arc<Shard>>, shared: Option<Arc<AppMemory>>) -> Self {
        Self {
            memory_left: usize::try_from(limits.memory.0).unwrap_or(usize::MAX),
            shared,
            held: 0,
            shard,
            elements_left: limits.table_elements as usize,
            granted: Granted::default(),
            refused: None,
        }
    }

    /// Takes memory, if the limits of the instance and of the host let it.
    fn take_memory(&mut self, wanted: usize) -> bool {
        if !Self::take(&mut self.memory_left, &mut self.refused, wanted, "memory") {
            return false;
        }
        let granted = self.shared.as_ref().is_none_or(|shared| shared.take(wanted));
        if !granted {
            self.memory_left += wanted;
            self.refused.get_or_insert(OF_ALL);
        }
        granted
    }

    fn take(left: &mut usize, refused: &mut Option<&'static str>, wanted: usize, limit: &'static str) -> bool {
        match left.checked_sub(wanted) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => {
                refused.get_or_insert(limit);
                false
            }
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.give_back(self.held);
        }
        if let Some(shard) = &self.shard {
            shard.instance_dropped(self.held);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = self.take_memory(desired - current);
        self.granted.memory = if granted { desired - current } else { 0 };
        self.held += self.granted.memory;
        if let (Some(shard), true) = (&self.shard, granted) {
            shard.memory_grew(self.granted.memory, self.held);
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        let granted = std::mem::take(&mut self.granted.memory);
        self.memory_left += granted;
        self.held -= granted;
        if let Some(shared) = &self.shared {
            shared.give_back(granted);
        }
        if let Some(shard) = &self.shard {
            shard.memory_shrank(granted);
        }
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::take(&mut self.elements_left, &mut self.refused, desired - current, "table-elements");
        self.granted.elements = if granted { desired - current } else { 0 };
        Ok(granted)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements_left += std::mem::take(&mut self.granted.elements);
        Ok(())
    }
}
