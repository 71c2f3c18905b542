//! Whether JetStream syncs what it acknowledges, as far as a client may know.

use std::time::Duration;

use async_nats::Client;
use serde::Deserialize;

/// How long the server may take to answer. It answers at once, or there is nobody to ask.
const PATIENCE: Duration = Duration::from_secs(2);

/// The part of `JSZ` that says how JetStream writes.
#[derive(Deserialize)]
struct Report {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

/// Warns that an acknowledged write may be lost in a power failure, unless the server says that it cannot.
pub(super) async fn warn_unless_synced(client: &Client, backend: &str) {
    let server = client.server_info();
    if !server.jetstream {
        return;
    }
    match syncs(client, &server.server_id).await {
        Some(true) => {}
        Some(false) => tracing::warn!(
            backend,
            "NATS acknowledges writes before they are synced: a power failure loses the last of them, \
             unless the server is set to `sync_interval: always`"
        ),
        None => tracing::warn!(
            backend,
            "NATS does not tell whether it syncs what it acknowledges: a power failure loses the last writes, \
             unless the server is set to `sync_interval: always`"
        ),
    }
}

/// What the server says; `None`: it does not say it to us.
async fn syncs(client: &Client, server_id: &str) -> Option<bool> {
    let asked = client.request(format!("$SYS.REQ.SERVER.{server_id}.JSZ"), r#"{"config":true}"#.into());
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let report: Report = serde_json::from_slice(&answer.payload).ok()?;
    Some(report.data.config.sync_always)
}
