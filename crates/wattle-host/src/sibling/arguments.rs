//! What the arguments of calls hold that are under way: memory of the host, which their caller answers for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::Val;
use wattle_spec::units::ByteSize;

use crate::trigger::call::Failed;

/// What a call holds beside its arguments, about.
const CALL_BYTES: u64 = 1 << 10;

/// What all calls hold that one instance has under way.
#[derive(Clone, Default)]
pub(crate) struct Arguments(Arc<AtomicU64>);

/// What one call holds, until this is dropped.
pub(super) struct Held {
    all: Arguments,
    bytes: u64,
}

impl Arguments {
    /// One more call, with these `arguments`: the only one, or one of several that hold at most `limit` together.
    pub(super) fn hold(&self, arguments: &[Val], limit: ByteSize) -> Result<Held, Failed> {
        let bytes = CALL_BYTES + arguments.iter().map(size).sum::<u64>();
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { all: self.clone(), bytes };
        match before > 0 && before + bytes > limit.0 {
            true => Err(Failed::TooMuch),
            false => Ok(held),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How many bytes a value has in the host.
fn size(value: &Val) -> u64 {
    let own = size_of::<Val>() as u64;
    own + match value {
        Val::String(text) | Val::Enum(text) => text.len() as u64,
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => values.iter().map(size).sum(),
        Val::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        Val::Record(fields) => fields.iter().map(|(name, value)| name.len() as u64 + size(value)).sum(),
        Val::Variant(name, value) => name.len() as u64 + value.as_deref().map_or(0, size),
        Val::Option(value) | Val::Result(Ok(value) | Err(value)) => value.as_deref().map_or(0, size),
        Val::Flags(names) => names.iter().map(|name| own + name.len() as u64).sum(),
        _ => 0,
    }
}
