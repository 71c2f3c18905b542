//! Keys and values on JetStream.

use std::sync::Arc;

use wattle_backend::key_value::KeyValue;
use wattle_testkit::NatsServer;

use super::key_value;

mod conformance {
    use super::*;

    fn open() -> Option<(Arc<dyn KeyValue>, NatsServer)> {
        // The suite writes values of 8 MiB; a server takes 1 MiB unless it is told otherwise.
        let server = NatsServer::builder().max_payload(64 << 20).start()?;
        Some((Arc::new(key_value(&server)), server))
    }

    wattle_backend::key_value_conformance!(open);
}
