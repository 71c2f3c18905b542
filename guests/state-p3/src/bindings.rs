//! The asynchronous key-value store, and once more under a name of this guest's own.

wit_bindgen::generate!({
    inline: "
        package wattle:state-p3;
        world imports {
            import wasmcloud:keyvalue/store@0.2.0;
            import wasmcloud:keyvalue/atomics@0.2.0;
            import wasmcloud:keyvalue/cas@0.2.0;
            import wasmcloud:keyvalue/batch@0.2.0;
            import sessions: wasmcloud:keyvalue/store@0.2.0;
        }
    ",
    path: ["../wit/wasmcloud-keyvalue"],
    generate_all,
});

pub use wasmcloud::keyvalue::{atomics, batch, cas, store, types};
