//! The generated side of every interface outside the WASI core.

wasmtime::component::bindgen!({
    path: "wit",
    world: "wattle:host/capabilities",
    imports: {
        "wasi:keyvalue": async | trappable,
        default: trappable,
    },
    with: {
        "wasi:keyvalue/store.bucket": super::key_value::OpenBucket,
    },
    trappable_error_type: {
        "wasi:keyvalue/store.error" => super::key_value::Failure,
    },
});
