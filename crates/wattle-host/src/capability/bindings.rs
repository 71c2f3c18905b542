//! The generated side of every interface outside the WASI core.

wasmtime::component::bindgen!({
    path: "wit",
    world: "wattle:host/capabilities",
    imports: {
        "wasi:keyvalue": async | trappable,
        "wasi:blobstore": async | trappable,
        "wasmcloud:blobstore": async | store | trappable,
        default: trappable,
    },
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:keyvalue/store.bucket": super::key_value::OpenBucket,
        "wasi:blobstore/types.outgoing-value": super::blobs::outgoing::OutgoingValue,
        "wasi:blobstore/types.incoming-value": super::blobs::incoming::IncomingValue,
        "wasi:blobstore/container.container": super::blobs::container::OpenContainer,
        "wasi:blobstore/container.stream-object-names": super::blobs::container::Names,
        "wasmcloud:blobstore/container.container": super::blobs::container::OpenContainer,
    },
    trappable_error_type: {
        "wasi:keyvalue/store.error" => super::key_value::Failure,
        "wasmcloud:blobstore/types.error" => super::blobs::failure::Failure,
    },
});
