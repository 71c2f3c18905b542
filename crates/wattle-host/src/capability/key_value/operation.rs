//! What can be done with a bucket, as it is counted and traced.

use crate::capability::operation::{Namespace, Operation, operations};

operations! { "keyvalue":
    GET = "store.get",
    SET = "store.set",
    DELETE = "store.delete",
    EXISTS = "store.exists",
    LIST_KEYS = "store.list-keys",
    INCREMENT = "atomics.increment",
    GET_MANY = "batch.get-many",
    SET_MANY = "batch.set-many",
    DELETE_MANY = "batch.delete-many",
}
pub(super) const CURRENT: Operation = Operation::new("wasi:keyvalue/atomics.current", "wasmcloud:keyvalue/cas.current");
pub(super) const SWAP: Operation = Operation::new("wasi:keyvalue/atomics.swap", "wasmcloud:keyvalue/cas.swap");

/// As links name it.
pub(super) fn package(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Wasi => "wasi:keyvalue",
        Namespace::WasmCloud => "wasmcloud:keyvalue",
    }
}
