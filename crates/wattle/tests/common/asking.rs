//! What a running host is asked, by its socket and by the verbs.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wattle_testkit::{App, PATIENCE};

use crate::WATTLE;

/// The sockets in the runtime directory of `app`.
pub(crate) fn sockets(app: &App) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(app.runtime_dir().join("wattle")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The only one.
#[track_caller]
pub(crate) fn socket(app: &App) -> PathBuf {
    let sockets = sockets(app);
    assert_eq!(sockets.len(), 1, "{sockets:?}");
    sockets[0].clone()
}

/// What comes back on `socket` for these bytes, until it is closed.
#[track_caller]
pub(crate) fn exchange(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Who is refused may be gone before all was said.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The JSON that is answered to `GET target`.
#[track_caller]
pub(crate) fn get(socket: &Path, target: &str) -> Value {
    let answer = exchange(socket, format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// What a verb prints with `--json`.
#[track_caller]
pub(crate) fn told<const N: usize>(app: &App, verb: [&str; N]) -> Value {
    let ran = WATTLE.run(app, verb.iter().chain(&["--json"]));
    assert!(ran.is_ok(), "{ran}");
    serde_json::from_str(&ran.stdout).unwrap()
}
