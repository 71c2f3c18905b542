//! The interfaces that this guest imports and exports beside those of `wstd`.

wit_bindgen::generate!({
    inline: "
        package wattle:courier-draft;
        world courier {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:messaging/producer@0.2.0-draft;
            import wasi:messaging/request-reply@0.2.0-draft;
            export wasi:messaging/incoming-handler@0.2.0-draft;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasi-messaging"],
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});

pub use exports::wasi::messaging::incoming_handler::Guest;
pub use wasi::keyvalue::{atomics, store};
pub use wasi::messaging::types::{Client, Error, Message};
pub use wasi::messaging::{producer, request_reply};
