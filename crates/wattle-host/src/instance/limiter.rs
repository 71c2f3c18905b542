//! The bound on what one instance may hold: memory over all its memories, elements over all its tables.

use wasmtime::ResourceLimiter;
use wattle_spec::limits::ComponentLimits;

/// Counts what an instance holds and refuses what goes over.
pub(super) struct Limiter {
    memory_left: usize,
    elements_left: usize,
    /// The first limit that was hit, for the log.
    pub(super) refused: Option<&'static str>,
}

impl Limiter {
    pub(super) fn new(limits: &ComponentLimits) -> Self {
        Self {
            memory_left: usize::try_from(limits.memory.0).unwrap_or(usize::MAX),
            elements_left: limits.table_elements as usize,
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
        Ok(Self::take(&mut self.memory_left, &mut self.refused, desired - current, "memory"))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(Self::take(&mut self.elements_left, &mut self.refused, desired - current, "table-elements"))
    }
}
