//! The interfaces that this guest imports and exports beside those of `wstd`.

wit_bindgen::generate!({
    inline: "
        package wattle:courier;
        world courier {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasmcloud:messaging/consumer@0.2.0;
            export wasmcloud:messaging/handler@0.2.0;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasmcloud-messaging"],
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});

pub use exports::wasmcloud::messaging::handler::Guest;
pub use wasi::keyvalue::{atomics, store};
pub use wasmcloud::messaging::consumer;
pub use wasmcloud::messaging::types::BrokerMessage;
