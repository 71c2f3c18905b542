//! Which hosts are asked, and how they are spoken to.

use std::collections::BTreeSet;
use std::net::IpAddr;

use url::{Host as UrlHost, Url};
use wattle_spec::network::AddressClass;
use wattle_spec::reference::Repository;

use super::error::Refusal;

/// Docker's own registry has one name in references and another in the network.
const DOCKER: [&str; 2] = ["docker.io", "index.docker.io"];
const DOCKER_AUTHORITY: &str = "registry-1.docker.io";

/// A host that is asked: a registry, or a mirror of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// What people and files of credentials know it by.
    pub(super) name: String,
    /// Where it is.
    pub(super) authority: String,
    /// Whose mirror it is.
    pub(super) mirror_of: Option<String>,
}

/// Who may be spoken to in plain text.
#[derive(Debug, Clone, Default)]
pub(super) struct PlainHttp(pub(super) BTreeSet<String>);

impl Host {
    /// The registry that is called `name`.
    pub(super) fn registry(name: &str) -> Self {
        let authority = if DOCKER.contains(&name) { DOCKER_AUTHORITY } else { name };
        Self { name: name.into(), authority: authority.into(), mirror_of: None }
    }

    /// A mirror of the registry that is called `of`.
    pub(super) fn mirror(name: &str, of: &str) -> Self {
        Self { mirror_of: Some(of.into()), ..Self::registry(name) }
    }

    /// Where it keeps what is in `repository`: Docker's registry has its own images in a place that nobody writes.
    pub(super) fn path(&self, repository: &Repository) -> String {
        let is_docker = DOCKER.contains(&repository.registry.as_str());
        match is_docker && !repository.path.contains('/') {
            true => format!("library/{}", repository.path),
            false => repository.path.clone(),
        }
    }
}

impl PlainHttp {
    /// Those with these names, in any case.
    pub(super) fn new(names: &BTreeSet<String>) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether `url` may be spoken to in plain text.
    pub(super) fn allows(&self, url: &Url) -> bool {
        is_loopback(url) || self.names(url)
    }

    /// Whether somebody said so of the host of `url`.
    pub(super) fn names(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        self.0.contains(host) || self.0.contains(&format!("{host}:{port}"))
    }

    /// Whether a server that was asked at `from` may send us to `to`.
    pub(super) fn check_way(&self, from: &Url, to: &Url) -> Result<(), Refusal> {
        check_target(to)?;
        match (from.scheme(), to.scheme()) {
            (_, "https") => Ok(()),
            ("https", _) => Err(Refusal::Downgrade(authority(to))),
            _ if self.allows(to) => Ok(()),
            _ => Err(Refusal::PlainHttp(authority(to))),
        }
    }
}

/// Whether this is a place that we go to at all. What a name stands for is looked at when it is resolved.
pub(super) fn check_target(url: &Url) -> Result<(), Refusal> {
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_user {
        return Err(Refusal::NoUrl);
    }
    match address(url) {
        Some(address) if !is_outward(address) => Err(Refusal::LinkLocal(authority(url))),
        _ => Ok(()),
    }
}

/// Whether anything that a registry names may be at `address`: not the neighbours on the wire, and not where a cloud
/// hands out the credentials of its machines.
pub(super) fn is_outward(address: IpAddr) -> bool {
    !matches!(AddressClass::of(address), AddressClass::LinkLocal | AddressClass::Metadata)
}

/// Whether `url` is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match address(url) {
        Some(address) => AddressClass::of(address) == AddressClass::Loopback,
        None => url.host_str() == Some("localhost"),
    }
}

/// Whether what the one may know, the other may know too.
pub(super) fn is_same(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// The host of `url`, with its port if it is not the usual one.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.into(),
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        UrlHost::Ipv4(address) => Some(address.into()),
        UrlHost::Ipv6(address) => Some(address.into()),
        UrlHost::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: &str, to: &str) -> String {
        let plain = PlainHttp(["storage.lan".to_owned(), "box.lan:5000".to_owned()].into());
        match plain.check_way(&from.parse().expect("a URL"), &to.parse().expect("a URL")) {
            Ok(()) => "goes".into(),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn ways() {
        assert_eq!(way("https://a.io/", "https://b.io/"), "goes");
        assert_eq!(way("https://a.io/", "http://127.0.0.1/"), "from https to plain http on 127.0.0.1");
        assert_eq!(way("http://box.lan:5000/", "https://b.io/"), "goes");
        assert_eq!(way("http://box.lan:5000/", "http://storage.lan:9000/"), "goes");
        assert_eq!(way("http://box.lan:5000/", "http://b.io/"), "plain http to b.io, which is not allowed for it");
        assert_eq!(
            way("http://box.lan:5000/", "http://box.lan/"),
            "plain http to box.lan, which is not allowed for it"
        );
        assert_eq!(way("https://a.io/", "ftp://b.io/"), "that is no address of a server");
        assert_eq!(way("https://a.io/", "https://me:secret@b.io/"), "that is no address of a server");
    }

    /// However it is spelled: the parser of URLs knows the old spellings of addresses, the class the new ones.
    #[test]
    fn metadata() {
        let spellings = ["169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.1.1:444", "100.100.100.200"];
        for host in spellings.iter().chain(&[
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
        ]) {
            let told = way("https://a.io/", &format!("https://{host}/latest"));
            assert!(told.ends_with("is a link-local or a metadata address"), "{host}: {told}");
        }
    }

    #[test]
    fn docker() {
        let host = Host::registry("docker.io");
        let repository = |path: &str| Repository { registry: "docker.io".into(), path: path.into() };
        assert_eq!(host.authority, "registry-1.docker.io");
        assert_eq!(host.path(&repository("alpine")), "library/alpine");
        assert_eq!(host.path(&repository("a/b")), "a/b");
        assert_eq!(Host::mirror("mirror.lan", "docker.io").path(&repository("alpine")), "library/alpine");
    }
}
