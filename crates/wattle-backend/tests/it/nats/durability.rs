//! Whether a server syncs what it acknowledges, as far as it tells.

use wattle_backend::backend::Backend as _;
use wattle_backend::nats::{NatsDurability, NatsKeyValue, NatsLayout, NatsLogin, NatsOptions, NatsSecret};
use wattle_testkit::{NatsServer, nats_server::NatsServerBuilder};

use super::connection;

/// An account that may ask how JetStream is set.
const TOLD: &str = r#"
accounts {
  SYS { users: [{ user: sys, password: p }], exports: [{ service: "$SYS.REQ.SERVER.*.JSZ" }] }
  APP {
    jetstream: enabled
    users: [{ user: app, password: p }]
    imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.*.JSZ" } }]
  }
}
system_account: SYS
"#;

async fn check(server: NatsServerBuilder, expected: NatsDurability) {
    let Some(server) = server.start() else { return };
    let login = NatsLogin::Password { user: "app".to_owned(), password: NatsSecret::Text("p".to_owned()) };
    let connection = connection(NatsOptions { login, ..NatsOptions::new([server.url()]) });
    let store = NatsKeyValue::new(connection.clone(), NatsLayout::default());
    store.check().await.expect("it can be used");
    let mut durability = connection.durability();
    let observed = *durability.wait_for(Option::is_some).await.expect("it is used");
    assert_eq!(observed, Some(expected));
}

#[tokio::test]
async fn what_a_server_tells_is_believed() {
    check(NatsServer::builder(), NatsDurability::Untold).await;
    check(NatsServer::builder().config(TOLD), NatsDurability::Unsynced).await;
    check(NatsServer::builder().config(TOLD).jetstream("sync_interval: always"), NatsDurability::Synced).await;
}
