//! What a proxy in front says of a request: believed from those that the operator trusts, removed from everybody else.
//!
//! `X-Forwarded-Proto` and `X-Forwarded-Host` set the scheme and the authority that routing and the guest see, if there
//! is one value of each and it is well formed. `X-Forwarded-For` tells the client's address. `Forwarded` passes to the
//! guest unread.

use std::net::{IpAddr, SocketAddr};

use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, HeaderName, Request};
use wattle_spec::network::AddressRange;

use super::request::port_is_bad;

/// What is believed of where a request comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Who asks.
    pub(super) client: IpAddr,
    /// What the target of the request says, if its sender may say it.
    pub(super) target_scheme: Option<Scheme>,
    scheme: Option<Scheme>,
    authority: Option<Authority>,
}

impl Origin {
    /// Reads what `peer` says of a request, or removes it.
    pub(super) fn take<B>(request: &mut Request<B>, peer: SocketAddr, trusted: &[AddressRange]) -> Self {
        let peer = peer.ip().to_canonical();
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        if !is_trusted(peer) {
            strip(request.headers_mut());
            return Self { client: peer, target_scheme: None, scheme: None, authority: None };
        }
        let headers = request.headers();
        let scheme = only(headers, "x-forwarded-proto").and_then(|text| match text {
            "http" => Some(Scheme::HTTP),
            "https" => Some(Scheme::HTTPS),
            _ => None,
        });
        // A proxy that ends TLS may say so in the target alone.
        let target_scheme = request.uri().scheme().filter(|scheme| is_http(scheme)).cloned();
        let authority = only(headers, "x-forwarded-host").and_then(|text| text.parse().ok());
        let authority =
            authority.filter(|host: &Authority| !host.as_str().contains('@') && !port_is_bad(host.as_str()));
        Self { client: client(headers, is_trusted).unwrap_or(peer), target_scheme, scheme, authority }
    }

    /// Gives a request in its canonical form the scheme and the authority that its client used.
    pub(super) fn apply<B>(&self, request: &mut Request<B>) {
        if self.scheme.is_none() && self.authority.is_none() {
            return;
        }
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = self.scheme.clone().or(parts.scheme);
        parts.authority = self.authority.clone().or(parts.authority);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

fn is_http(scheme: &Scheme) -> bool {
    *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS
}

/// Removes what only a proxy may say.
pub(super) fn strip(headers: &mut HeaderMap) {
    let is_told = |name: &&HeaderName| {
        let name = name.as_str();
        name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    };
    let told: Vec<HeaderName> = headers.keys().filter(is_told).cloned().collect();
    told.iter().for_each(|name| drop(headers.remove(name)));
}

/// The value of a field that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok().map(str::trim)
}

/// The last address of the way here that is none of a trusted proxy; what stands before it anybody may have written.
fn client(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let fields = headers.get_all("x-forwarded-for").iter().rev();
    let mut nearest = None;
    for text in fields.flat_map(|field| field.to_str().unwrap_or("?").rsplit(',')) {
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        nearest = Some(address.to_canonical());
        if !is_trusted(address) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a request of `peer`, with the network 10.0.0.0/8 trusted: client, target, fields.
    fn check(peer: &str, fields: &[(&'static str, &str)], expected: &str) {
        let request = fields.iter().fold(Request::get("/a"), |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(()).expect("a request");
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        let origin = Origin::take(&mut request, peer, &["10.0.0.0/8".parse().expect("a network")]);
        *request.uri_mut() = Uri::from_static("http://mine.example/a");
        origin.apply(&mut request);
        let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(format!("{} {} {}", origin.client, request.uri(), names.join(" ")), expected, "{peer} {fields:?}");
    }

    #[test]
    fn who_is_believed() {
        let all = [
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example:8443"),
            ("x-forwarded-anything", "1"),
            ("x-real-ip", "1.2.3.4"),
            ("x-other", "1"),
        ];
        check("192.0.2.1", &all, "192.0.2.1 http://mine.example/a x-other");
        let kept =
            "forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-anything x-real-ip x-other";
        check("10.1.1.1", &all, &format!("1.2.3.4 https://shop.example:8443/a {kept}"));
        check("::ffff:10.1.1.1", &all, &format!("1.2.3.4 https://shop.example:8443/a {kept}"));
    }

    #[test]
    fn what_is_well_formed() {
        let forwarded = |name: &'static str, value: &str, expected: &str| {
            check("10.1.1.1", &[(name, value)], &format!("{expected} {name}"));
        };
        for proto in ["ftp", "https, http", "", "HTTPS/1"] {
            forwarded("x-forwarded-proto", proto, "10.1.1.1 http://mine.example/a");
        }
        for host in ["a b", "user@shop.example", "shop.example/path", "a, b", ""] {
            forwarded("x-forwarded-host", host, "10.1.1.1 http://mine.example/a");
        }
        forwarded("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.2.2.2", "1.2.3.4 http://mine.example/a");
        forwarded("x-forwarded-for", "garbage, 10.2.2.2", "10.2.2.2 http://mine.example/a");
        forwarded("x-forwarded-for", "garbage", "10.1.1.1 http://mine.example/a");
        forwarded("x-forwarded-for", "2001:db8::1", "2001:db8::1 http://mine.example/a");
    }
}
