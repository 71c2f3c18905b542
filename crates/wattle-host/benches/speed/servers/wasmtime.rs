//! `wasmtime serve` as it is by default: it has a fresh instance of a component of WASI 0.2 for each request, and uses those of
//! 0.3 again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use wattle_testkit::until;

/// Serves `component` with the `wasmtime` that is on PATH, if there is one.
pub(super) fn start(component: &Path) -> Option<(SocketAddr, Child)> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = free.expect("a free port");
    let mut command = Command::new("wasmtime");
    command.args(["serve", "--addr", &address.to_string(), "-Scli"]).arg(component);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    until("wasmtime serves", || TcpStream::connect(address).ok());
    Some((address, child))
}
