//! Files, environment and network: a component has what its manifest grants, and no way around it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use serde_json::json;
use wattle_testkit::{App, Server, guests};

use crate::WATTLE;

const MOUNTS: &str = r#"[[components.state.mounts]]
host = "read"
guest = "/read"
[[components.state.mounts]]
host = "write"
guest = "/write"
access = "read-write"
"#;

/// Two directories that the guest sees and one beside them that it must not.
fn mounted() -> (App, Server) {
    let app = App::of(&guests::state(), MOUNTS)
        .file("read/a.txt", "a")
        .file("read/inside/b.txt", "b")
        .file("write/c.txt", "c")
        .file("secret/d.txt", "secret");
    for (target, link) in [
        ("../secret/d.txt", "read/relative"),
        ("../secret", "read/directory"),
        ("../secret", "write/directory"),
        ("/etc/passwd", "read/absolute"),
        ("/proc/self/environ", "read/proc"),
        ("a.txt", "read/alias"),
        ("../read/a.txt", "write/read"),
    ] {
        symlink(target, app.join(link)).unwrap();
    }
    fs::hard_link(app.join("read/a.txt"), app.join("write/hard")).unwrap();
    let server = WATTLE.up(&app).start();
    (app, server)
}

fn status(server: &Server, method: &str, path: &str) -> u16 {
    let body = if method == "PUT" { "changed" } else { "" };
    let answer = server.call(method, path, body);
    assert!(!answer.text().contains("secret") && !answer.text().contains("root:"), "{path}: {}", answer.text());
    answer.status()
}

#[test]
fn what_is_mounted() {
    let (app, server) = mounted();
    assert_eq!(server.get("/file/read/a.txt").summary(), "200 a");
    assert_eq!(server.get("/file/read/inside/b.txt").summary(), "200 b");
    assert_eq!(server.get("/file/read/alias").summary(), "200 a");
    assert_eq!(server.get("/dir/write").json(), json!(["c.txt", "directory", "hard", "read"]));
    assert_eq!(status(&server, "PUT", "/file/write/new.txt"), 204);
    assert_eq!(fs::read_to_string(app.join("write/new.txt")).unwrap(), "changed");
    assert_eq!(status(&server, "DELETE", "/file/write/new.txt"), 204);
    assert!(!app.join("write/new.txt").exists());
}

/// Nothing outside: not by name, not by a link, not with slashes at the end.
#[test]
fn what_is_outside() {
    let (app, server) = mounted();
    let links =
        ["read/relative", "read/directory/d.txt", "read/directory/", "read/absolute", "read/proc", "write/read"];
    let names = ["secret/d.txt", "etc/passwd", "proc/self/environ", "wattle.toml", ".wattle/lock"];
    for path in links.iter().chain(&names) {
        for (method, target) in
            [("GET", format!("/file/{path}")), ("GET", format!("/file/{path}/")), ("GET", format!("/dir/{path}"))]
        {
            let status = status(&server, method, &target);
            assert!((403..=500).contains(&status), "{method} {target}: {status}");
        }
    }
    for target in ["/file/read/../secret/d.txt", "/file/read/%2e%2e/secret/d.txt", "/file/read%2f..%2fsecret/d.txt"] {
        assert_eq!(status(&server, "GET", target), 400, "{target}");
    }
    for path in ["write/directory/d.txt", "write/directory/new.txt", "secret/d.txt", "new.txt"] {
        assert!(status(&server, "PUT", &format!("/file/{path}")) >= 403, "{path}");
        assert!(status(&server, "DELETE", &format!("/file/{path}")) >= 403, "{path}");
    }
    assert_eq!(fs::read_to_string(app.join("secret/d.txt")).unwrap(), "secret");
    assert_eq!(fs::read_dir(app.join("secret")).unwrap().count(), 1);
}

/// What may only be read stays as it is, whatever is at the end of the path.
#[test]
fn what_is_read_only() {
    let (app, server) = mounted();
    for path in [
        "read/a.txt",
        "read/a.txt/",
        "read/a.txt//",
        "read/new.txt",
        "read/new.txt/",
        "read/alias",
        "read/inside/b.txt",
        "read/inside/",
    ] {
        assert!(status(&server, "PUT", &format!("/file/{path}")) >= 403, "PUT {path}");
        assert!(status(&server, "DELETE", &format!("/file/{path}")) >= 403, "DELETE {path}");
    }
    assert_eq!(fs::read_to_string(app.join("read/a.txt")).unwrap(), "a");
    assert_eq!(fs::read_to_string(app.join("read/inside/b.txt")).unwrap(), "b");
    assert!(!app.join("read/new.txt").exists());
}

#[test]
fn nothing_is_mounted() {
    let app = App::of(&guests::state(), "").file("a.txt", "a");
    let server = WATTLE.up(&app).start();
    for path in ["a.txt", "wattle.toml", "etc/passwd", "proc/self/environ", ""] {
        assert!(status(&server, "GET", &format!("/file/{path}")) >= 403, "{path}");
        assert!(status(&server, "PUT", &format!("/file/{path}")) >= 403, "{path}");
    }
    assert!(status(&server, "GET", "/dir/") >= 403);
}

/// A directory that is not there is told before anybody is served.
#[test]
fn a_mount_that_is_missing() {
    let app = App::of(&guests::state(), MOUNTS);
    let ran = WATTLE.run(&app, ["check"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("read"), "{ran}");
    let ran = WATTLE.up(&app).refused();
    assert!(ran.stdout.is_empty() && ran.code == Some(2) && ran.stderr.contains("read"), "{ran}");
}

#[test]
fn the_environment_is_empty() {
    let app = App::of(&guests::state(), "");
    let server = WATTLE.up(&app).env("SECRET", "canary").env("PATH", "/bin").start();
    assert_eq!(server.get("/env").json(), json!({ "arguments": [], "environment": {} }));
}

/// Nothing is connected, and nobody on the other side notices anything.
#[test]
fn the_network_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let app = App::of(&guests::state(), "");
    let server = WATTLE.up(&app).start();
    for target in
        [address.to_string(), format!("localhost:{}", address.port()), "[::1]:80".into(), "192.0.2.1:80".into()]
    {
        let told = server.get(&format!("/tcp?addr={target}")).json();
        assert_eq!(told["connected"], false, "{target}: {told}");
    }
    let told = server.get(&format!("/out?url=http://{address}/")).json();
    assert_eq!(told["status"], json!(null), "{told}");
    let own = server.get(&format!("/out?url=http://{}/env", server.address())).json();
    assert_eq!(own["status"], json!(null), "{own}");
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody connected");
}
