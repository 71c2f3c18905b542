//! The draft interfaces that this guest imports beside those of `wasip2`.

wit_bindgen::generate!({
    inline: "
        package wattle:misbehave;
        world imports {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasi-logging"],
    generate_all,
});

pub use wasi::keyvalue::store;
pub use wasi::logging::logging;
