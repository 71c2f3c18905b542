//! What can be done with blobs, as it is counted and traced.

use crate::capability::operation::{Namespace, Operation, operations};

operations! { "blobstore":
    CREATE_CONTAINER = "blobstore.create-container",
    GET_CONTAINER = "blobstore.get-container",
    DELETE_CONTAINER = "blobstore.delete-container",
    CONTAINER_EXISTS = "blobstore.container-exists",
    COPY_OBJECT = "blobstore.copy-object",
    MOVE_OBJECT = "blobstore.move-object",
    INFO = "container.info",
    GET_DATA = "container.get-data",
    WRITE_DATA = "container.write-data",
    LIST_OBJECTS = "container.list-objects",
    DELETE_OBJECT = "container.delete-object",
    DELETE_OBJECTS = "container.delete-objects",
    HAS_OBJECT = "container.has-object",
    OBJECT_INFO = "container.object-info",
    CLEAR = "container.clear",
}
/// One interface has them: the other gives a list as a stream.
pub(super) const READ_NAMES: Operation = only_wasi("wasi:blobstore/container.read-stream-object-names");
pub(super) const SKIP_NAMES: Operation = only_wasi("wasi:blobstore/container.skip-stream-object-names");

const fn only_wasi(name: &'static str) -> Operation {
    Operation::new(name, name)
}

/// As links name it.
pub(super) fn package(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Wasi => "wasi:blobstore",
        Namespace::WasmCloud => "wasmcloud:blobstore",
    }
}
