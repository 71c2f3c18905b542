//! The draft interfaces that this guest imports beside those of `wstd`.

wit_bindgen::generate!({
    inline: "
        package wattle:state;
        world imports {
            import wasi:config/store@0.2.0-rc.1;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:keyvalue/batch@0.2.0-draft;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    path: ["../wit/wasi-config", "../wit/wasi-keyvalue", "../wit/wasi-logging"],
    generate_all,
});

pub use wasi::config::store as config;
pub use wasi::keyvalue::{atomics, batch, store};
pub use wasi::logging::logging;
