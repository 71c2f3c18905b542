//! Key-value stores: the second draft, and both drafts under names of this guest's own.

wit_bindgen::generate!({
    inline: "
        package wattle:state-draft2;
        world imports {
            import wasi:keyvalue/store@0.2.0-draft2;
            import wasi:keyvalue/atomics@0.2.0-draft2;
            import wasi:keyvalue/batch@0.2.0-draft2;
            import sessions: wasi:keyvalue/store@0.2.0-draft2;
            import archive: wasi:keyvalue/store@0.2.0-draft;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasi-keyvalue-draft2"],
    generate_all,
});

pub use wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
