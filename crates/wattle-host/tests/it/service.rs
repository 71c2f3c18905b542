//! Services of an app that is stopped while its host goes on.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use wattle_host::Host;
use wattle_testkit::PATIENCE;

use crate::rig::resolved;

/// The instance of a service is gone when `stop` returns, and another runs when the app is started again.
#[test]
fn it_ends_with_its_app() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (app, bytes) = resolved(&format!(
        "name = \"shop\"\n[services.job]\nsource = \"command.wasm\"\nenv.COMMAND = \"hold {address}\"\n\
         allow.tcp = [\"{address}\"]\nlimits.memory = \"16MiB\"\n"
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = Host::builder().build().unwrap();
    for _ in 0..2 {
        let connected = {
            let listener = listener.try_clone().unwrap();
            std::thread::spawn(move || listener.accept().unwrap().0)
        };
        runtime.block_on(async {
            host.start(&app, &bytes).await.unwrap();
            let started = Instant::now();
            while !connected.is_finished() {
                assert!(started.elapsed() < PATIENCE, "the service does not connect");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(host.stop(&app.id).await);
        });
        let mut connection = connected.join().unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(connection.read(&mut [0]).unwrap(), 0, "the connection of the service is still open");
    }
}
