//! The generated side of every interface outside the WASI core.

wasmtime::component::bindgen!({
    path: "wit",
    world: "wattle:host/capabilities",
    imports: {
        "wasi:keyvalue": async | trappable,
        "wasi:config": async | trappable,
        "wasi:messaging/types": trappable,
        "wasi:messaging": async | trappable,
        "wasmcloud:messaging": async | trappable,
        "wasmcloud:secrets": async | store | trappable,
        default: trappable,
    },
    with: {
        "wasi:keyvalue/store.bucket": super::key_value::OpenBucket,
        "wasi:messaging/types.client": super::messaging::Client,
        "wasi:messaging/types.message": super::messaging::GuestMessage,
        "wasi:messaging/request-reply.request-options": super::messaging::RequestOptions,
        "wasmcloud:secrets/store.secret": wattle_backend::secrets::Secret,
    },
    trappable_error_type: {
        "wasi:keyvalue/store.error" => super::key_value::Failure,
    },
});
