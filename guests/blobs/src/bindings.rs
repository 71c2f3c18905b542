//! The draft interfaces that this guest imports beside those of `wasip2`.

wit_bindgen::generate!({
    inline: "
        package wattle:blobs;
        world imports {
            import wasi:blobstore/blobstore@0.2.0-draft;
            import wasi:blobstore/container@0.2.0-draft;
            import wasi:blobstore/types@0.2.0-draft;
        }
    ",
    path: ["../wit/wasi-io", "../wit/wasi-blobstore"],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

pub use wasi::blobstore::blobstore;
pub use wasi::blobstore::container::Container;
pub use wasi::blobstore::types::{IncomingValue, ObjectId, OutgoingValue};
