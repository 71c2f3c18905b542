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

/// When a write is synced to the disk, beside its being acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsDurability {
    /// Before: an acknowledged write outlives a power failure.
    Synced,
    /// Later: a power failure loses the last of the acknowledged writes.
    Unsynced,
    /// The server does not tell it to the account that connects.
    Untold,
}

/// Finds out when `client`'s server syncs, and warns unless it is before it acknowledges. `None`: it keeps nothing.
pub(super) async fn observed(client: &Client, backend: &str) -> Option<NatsDurability> {
    let server = client.server_info();
    if !server.jetstream {
        return None;
    }
    let durability = match syncs(client, &server.server_id).await {
        Some(true) => NatsDurability::Synced,
        Some(false) => NatsDurability::Unsynced,
        None => NatsDurability::Untold,
    };
    match durability {
        NatsDurability::Synced => {}
        NatsDurability::Unsynced => tracing::warn!(
            backend,
            "NATS acknowledges writes before they are synced: a power failure loses the last of them, \
             unless the server is set to `sync_interval: always`"
        ),
        NatsDurability::Untold => tracing::warn!(
            backend,
            "NATS does not tell whether it syncs what it acknowledges: a power failure loses the last writes, \
             unless the server is set to `sync_interval: always`"
        ),
    }
    Some(durability)
}

/// What the server says; `None`: it does not say it to us.
async fn syncs(client: &Client, server_id: &str) -> Option<bool> {
    let asked = client.request(format!("$SYS.REQ.SERVER.{server_id}.JSZ"), r#"{"config":true}"#.into());
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let report: Report = serde_json::from_slice(&answer.payload).ok()?;
    Some(report.data.config.sync_always)
}
