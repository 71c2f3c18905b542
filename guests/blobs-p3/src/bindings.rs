//! The interface that this guest imports beside those of `wasip3`.

wit_bindgen::generate!({
    inline: "
        package wattle:blobs-p3;
        world imports {
            import wasmcloud:blobstore/blobstore@0.1.0;
            import wasmcloud:blobstore/container@0.1.0;
        }
    ",
    path: ["../wit/wasmcloud-blobstore"],
    generate_all,
});

pub use wasmcloud::blobstore::blobstore;
pub use wasmcloud::blobstore::container::Container;
pub use wasmcloud::blobstore::types::{Error, ObjectId};
