//! What a guest asks of a state, as it is counted and traced: the same operation through each package that has it.

use std::sync::Arc;

use crate::instance::Current;
use crate::telemetry::{Function, HostCallError, LinkFacts, Watched, watch};

/// Whose package a guest imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Wasi,
    WasmCloud,
}

/// One operation, by the function of each [`Namespace`] that stands for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation([Function; 2]);

impl Operation {
    pub(crate) const fn new(wasi: &'static str, wasmcloud: &'static str) -> Self {
        Self([Function::new(wasi), Function::new(wasmcloud)])
    }
}

/// Operations of a package that have one name in both namespaces.
macro_rules! operations {
    ($package:literal: $($name:ident = $function:literal,)+) => {
        $(pub(super) const $name: Operation = Operation::new(
            concat!("wasi:", $package, "/", $function),
            concat!("wasmcloud:", $package, "/", $function),
        );)+
    };
}
pub(crate) use operations;

/// Who uses a state, and through what.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) namespace: Namespace,
    pub(crate) current: Current,
    pub(crate) facts: Arc<LinkFacts>,
}

impl Caller {
    /// One `call` that is `operation`, told to whoever asked for it.
    pub(crate) async fn watch<T, E: HostCallError>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        watch(&self.current, operation.0[self.namespace as usize], &self.facts, call).await
    }

    /// The same of an operation that goes on in a stream: `call` begins it, and it ends with what is given beside the value.
    pub(crate) async fn watch_first<T, E: HostCallError>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Watched), E> {
        let mut watched = Watched::begin(&self.current, operation.0[self.namespace as usize], &self.facts);
        let begun = call.await;
        if begun.is_err() {
            watched.ended(&begun);
        }
        begun.map(|value| (value, watched))
    }
}
