//! How many connections come from one address: nobody takes all places.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most of one address, of IPv6 of one network of 64 bits.
const EACH_MAX: usize = 16;

/// Those who are here.
#[derive(Default, Clone)]
pub(super) struct Peers(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One connection of them, until it is dropped.
pub(super) struct Peer {
    pub(super) address: IpAddr,
    all: Peers,
}

impl Peers {
    /// One more from `address`. `None`: there are enough.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Peer> {
        let mut all = self.lock();
        let count = all.entry(network(address)).or_default();
        if *count == EACH_MAX {
            return None;
        }
        *count += 1;
        Some(Peer { address, all: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&network(self.address)) {
            *count -= 1;
            if *count == 0 {
                all.remove(&network(self.address));
            }
        }
    }
}

/// Whoever has one address of IPv6 has as many as they like, all in one network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_some() {
        let peers = Peers::default();
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut all: Vec<_> = (0..EACH_MAX).map(|_| peers.enter(ip("10.0.0.1"))).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(peers.enter(ip("10.0.0.1")).is_none() && peers.enter(ip("::ffff:10.0.0.1")).is_none());
        assert!(peers.enter(ip("10.0.0.2")).is_some());
        all.pop();
        assert!(peers.enter(ip("10.0.0.1")).is_some());
        let _six: Vec<_> = (0..EACH_MAX).map(|last| peers.enter(ip(&format!("2001:db8::{last:x}")))).collect();
        assert!(peers.enter(ip("2001:db8::ffff")).is_none() && peers.enter(ip("2001:db8:0:1::1")).is_some());
        drop((all, _six));
        assert!(peers.lock().is_empty());
    }
}
