//! The interfaces that this guest imports beside those of `wstd`, most of them twice.

wit_bindgen::generate!({
    inline: "
        package wattle:labels;
        world imports {
            import wasi:config/store@0.2.0-rc.1;
            import features: wasi:config/store@0.2.0-rc.1;
            import old-features: wasi:config/runtime@0.2.0-draft;
            import wasi:logging/logging@0.1.0-draft;
            import audit: wasi:logging/logging@0.1.0-draft;
            import old-audit: wasi:logging/logging;
            import wasmcloud:messaging/consumer@0.2.0;
            import orders: wasmcloud:messaging/consumer@0.2.0;
            import wasi:messaging/types@0.2.0-draft;
            import events: wasi:messaging/producer@0.2.0-draft;
            import questions: wasi:messaging/request-reply@0.2.0-draft;
            import wasi:blobstore/blobstore@0.2.0-draft;
            import archive: wasi:blobstore/blobstore@0.2.0-draft;
        }
    ",
    path: [
        "../wit/wasi-io",
        "../wit/wasi-blobstore",
        "../wit/wasi-config",
        "../wit/wasi-config-draft",
        "../wit/wasi-logging",
        "../wit/wasi-logging-unversioned",
        "../wit/wasi-messaging",
        "../wit/wasmcloud-messaging",
    ],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

pub use wasi::blobstore::blobstore;
pub use wasi::blobstore::container::Container;
pub use wasi::blobstore::types::{IncomingValue, OutgoingValue};
pub use wasi::config0_2_0_rc_1::store as config;
pub use wasi::logging0_1_0_draft::logging as log;
pub use wasi::messaging::types::{Client, Error as MessagingError, Message};
pub use wasmcloud::messaging::consumer;
pub use wasmcloud::messaging::types::BrokerMessage;
