//! The interfaces that this guest imports beside those of `wasip3`.

wit_bindgen::generate!({
    inline: "
        package wattle:labels-p3;
        world imports {
            import wasmcloud:secrets/store@2.1.0;
            import db-password: wasmcloud:secrets/secret@2.1.0;
            import wasmcloud:secrets/reveal@2.1.0;
            import archive: wasmcloud:blobstore/blobstore@0.1.0;
        }
    ",
    path: ["../wit/wasmcloud-secrets", "../wit/wasmcloud-blobstore"],
    generate_all,
});

pub use wasmcloud::blobstore::types::Error;
pub use wasmcloud::secrets::reveal::{SecretValue, reveal};
pub use wasmcloud::secrets::store::{self, SecretsError};
