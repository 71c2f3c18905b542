//! The binary alone in a root file system: every build of it is linked as the one that is shipped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wattle_testkit::{App, Program, TlsUpstream, guests};

const BINARY: &str = env!("CARGO_BIN_EXE_wattle");

fn executable(root: App, from: &Path, name: &str) -> App {
    let root = root.file(name, fs::read(from).unwrap());
    fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    root
}

/// Serves a component, resolves a name from the hosts file, and fetches over TLS.
fn check(root: App) {
    let upstream = TlsUpstream::start("upstream.test", &["h2"]);
    let root = root
        .file("etc/hosts", "127.0.0.1 upstream.test\n")
        .file("trusted.pem", upstream.certificate())
        .file("app/fetch.wasm", fs::read(guests::fetch()).unwrap())
        .file(
            "app/wattle.toml",
            "name = \"alone\"\n[components.fetch]\nsource = \"fetch.wasm\"\nallow = { http = \
             [\"https://upstream.test:*\"], networks = [\"loopback\"] }\n[[triggers.http]]\npath = \
             \"/...\"\ncomponent = \"fetch\"\n",
        );
    let server = Program::new("/wattle").up(&root).path("/app").env("SSL_CERT_FILE", "/trusted.pem").own_root().start();
    assert_eq!(server.get("/").summary(), "502 no header x-target");
    let authority = format!("upstream.test:{}", upstream.address().port());
    let mut connection = server.connect();
    connection.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-target: https://{authority}/\r\n\r\n"));
    assert_eq!(connection.answer("GET").summary(), format!("200 HTTP/2.0 {authority}"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn alone_in_an_empty_root() {
    check(executable(App::empty(), Path::new(BINARY), "wattle"));
}

#[test]
fn beside_a_busybox() {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let busybox = busybox.expect("a busybox (hint: apt-get install busybox-static)");
    check(executable(executable(App::empty(), Path::new(BINARY), "wattle"), Path::new(busybox), "bin/busybox"));
}
