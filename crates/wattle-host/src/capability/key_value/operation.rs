//! What can be done with a bucket, as it is counted and traced.

use std::sync::Arc;

use super::fault::Answer;
use crate::instance::Current;
use crate::telemetry::{Function, LinkFacts, watch};

/// The packages through which a bucket is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    Wasi,
    WasmCloud,
}

impl Package {
    /// As links name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Package::Wasi => "wasi:keyvalue",
            Package::WasmCloud => "wasmcloud:keyvalue",
        }
    }
}

/// One operation, by the function of each [`Package`] that stands for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation([Function; 2]);

impl Operation {
    const fn new(wasi: &'static str, wasmcloud: &'static str) -> Self {
        Self([Function::new(wasi), Function::new(wasmcloud)])
    }
}

macro_rules! operation {
    ($name:ident, $function:literal) => {
        pub(super) const $name: Operation =
            Operation::new(concat!("wasi:keyvalue/", $function), concat!("wasmcloud:keyvalue/", $function));
    };
}

operation!(GET, "store.get");
operation!(SET, "store.set");
operation!(DELETE, "store.delete");
operation!(EXISTS, "store.exists");
operation!(LIST_KEYS, "store.list-keys");
operation!(INCREMENT, "atomics.increment");
operation!(GET_MANY, "batch.get-many");
operation!(SET_MANY, "batch.set-many");
operation!(DELETE_MANY, "batch.delete-many");
pub(super) const CURRENT: Operation = Operation::new("wasi:keyvalue/atomics.current", "wasmcloud:keyvalue/cas.current");
pub(super) const SWAP: Operation = Operation::new("wasi:keyvalue/atomics.swap", "wasmcloud:keyvalue/cas.swap");

/// Who uses a bucket, and through what.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) package: Package,
    pub(super) current: Current,
    pub(super) facts: Arc<LinkFacts>,
}

impl Caller {
    /// One `call` that is `operation`, told to whoever asked for it.
    pub(super) async fn watch<T>(&self, operation: Operation, call: impl Future<Output = Answer<T>>) -> Answer<T> {
        watch(&self.current, operation.0[self.package as usize], &self.facts, call).await
    }
}
