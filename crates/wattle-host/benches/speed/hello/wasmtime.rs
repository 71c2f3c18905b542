//! `wasmtime serve`, which has a fresh instance for each request, too.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use wattle_testkit::until;

/// It ends with this.
pub(crate) struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    /// Serves `component` with the `wasmtime` that is on PATH, if there is one.
    pub(crate) fn start(component: &Path) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let mut command = Command::new("wasmtime");
        command.args(["serve", "--addr", &address.to_string(), "-Scli"]).arg(component);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        until("wasmtime serves", || TcpStream::connect(address).ok());
        Some(Self { address, child })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is not to be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
