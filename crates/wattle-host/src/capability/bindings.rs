//! The generated side of every interface outside the WASI core.

wasmtime::component::bindgen!({
    path: "wit",
    world: "wattle:host/capabilities",
    imports: {
        "wasi:keyvalue": async | trappable,
        "wasi:blobstore": async | trappable,
        "wasi:config": async | trappable,
        "wasmcloud:blobstore": async | store | trappable,
        "wasi:messaging/types": trappable,
        "wasi:messaging": async | trappable,
        "wasmcloud:messaging": async | trappable,
        "wasmcloud:keyvalue": trappable,
        "wasmcloud:secrets": async | store | trappable,
        default: trappable,
    },
    // Their functions are told through which import they are called.
    named_imports: {
        "wasmcloud:keyvalue/store@0.2.0": super::Via,
    },
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:blobstore/types.outgoing-value": super::blobs::outgoing::OutgoingValue,
        "wasi:blobstore/types.incoming-value": super::blobs::incoming::IncomingValue,
        "wasi:blobstore/container.container": super::blobs::container::OpenContainer,
        "wasi:blobstore/container.stream-object-names": super::blobs::container::Names,
        "wasi:messaging/types.client": super::messaging::Client,
        "wasi:messaging/types.message": super::messaging::GuestMessage,
        "wasi:messaging/request-reply.request-options": super::messaging::RequestOptions,
        "wasi:keyvalue/store@0.2.0-draft.bucket": super::key_value::PagedBucket,
        "wasi:keyvalue/store@0.2.0-draft2.bucket": super::key_value::OpenBucket,
        "wasi:keyvalue/atomics@0.2.0-draft2.cas": super::key_value::Cas,
        "wasmcloud:blobstore/container.container": super::blobs::container::OpenContainer,
        "wasmcloud:keyvalue/types.bucket": super::key_value::OpenBucket,
        "wasmcloud:secrets/store.secret": wattle_backend::secrets::Secret,
    },
    trappable_error_type: {
        "wasi:keyvalue/store@0.2.0-draft.error" => super::key_value::Failure,
        "wasi:keyvalue/store@0.2.0-draft2.error" => super::key_value::Failure,
        "wasmcloud:blobstore/types.error" => super::blobs::failure::Failure,
        "wasmcloud:keyvalue/types.error" => super::key_value::Failure,
    },
});
