//! The bound on what one instance may hold: memory over all its memories, elements over all its tables.

use wasmtime::ResourceLimiter;
use wattle_spec::limits::ComponentLimits;

/// Counts what an instance holds and refuses what goes over.
pub(super) struct Limiter {
    memory_left: usize,
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
    pub(super) fn new(limits: &ComponentLimits) -> Self {
        Self {
            memory_left: usize::try_from(limits.memory.0).unwrap_or(usize::MAX),
            elements_left: limits.table_elements as usize,
            granted: Granted::default(),
            refused: None,
        }
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

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::take(&mut self.memory_left, &mut self.refused, desired - current, "memory");
        self.granted.memory = if granted { desired - current } else { 0 };
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_left += std::mem::take(&mut self.granted.memory);
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
