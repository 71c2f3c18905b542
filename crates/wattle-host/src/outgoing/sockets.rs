//! Sockets of guests: each use of an address is checked against what the component may reach.

use std::net::SocketAddr;

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;
use wattle_spec::network::NetworkPolicy;

use super::Outgoing;

impl Outgoing {
    /// Gives an instance the sockets that its component may have: none, unless its manifest says so.
    pub(crate) fn grant_sockets(&self, builder: &mut WasiCtxBuilder) {
        builder.allow_tcp(!self.policy.tcp.is_empty()).allow_udp(!self.policy.udp.is_empty());
        if self.policy.tcp.is_empty() && self.policy.udp.is_empty() {
            return;
        }
        let policy = self.policy.clone();
        builder.socket_addr_check(move |address, purpose| {
            let allowed = allows(&policy, address, purpose);
            Box::pin(std::future::ready(allowed))
        });
    }
}

fn allows(policy: &NetworkPolicy, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        SocketAddrUse::TcpConnect => policy.tcp.reaches(address),
        // Before it connects, a socket is bound to no address in particular; nobody can reach it there.
        SocketAddrUse::TcpBind if address.ip().is_unspecified() => address.port() == 0,
        SocketAddrUse::TcpBind | SocketAddrUse::TcpListen => policy.tcp.serves(address),
        SocketAddrUse::TcpAccept => address.ip().to_canonical().is_loopback(),
        SocketAddrUse::UdpBind => policy.udp.serves(address),
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => policy.udp.reaches(address),
    }
}
