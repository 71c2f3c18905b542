//! Which addresses a name may stand for: a registry can name any host, so that names are looked at where they are
//! resolved, and the connection is made to what was looked at.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::host::is_outward;

/// The system's resolver, without the addresses that nobody has a reason to name.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutwardResolver;

/// A name stands for nothing but such addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} stands for a link-local or a metadata address")]
pub(super) struct Inward(pub(super) String);

impl Resolve for OutwardResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let addresses: Addrs = Box::new(outward(name, found)?.into_iter());
            Ok(addresses)
        })
    }
}

fn outward(
    name: &str,
    mut found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
    }
    found.retain(|address| is_outward(address.ip()));
    match found.is_empty() {
        true => Err(Inward(name.into()).into()),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outward_addresses_are_left() {
        let found = |addresses: &[&str]| {
            let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
            outward("a.io", addresses).map(|left| left.len()).map_err(|error| error.to_string())
        };
        assert_eq!(found(&["93.184.215.14:0", "169.254.169.254:0", "[fe80::1]:0", "10.0.0.1:0"]), Ok(2));
        assert_eq!(found(&["169.254.169.254:0"]), Err("a.io stands for a link-local or a metadata address".into()));
        assert_eq!(found(&[]), Err("the name has no address".into()));
    }
}
