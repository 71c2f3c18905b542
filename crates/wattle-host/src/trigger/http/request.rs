//! What a request must be before it reaches an app, and how the guest will see it: with scheme, authority and path as
//! the client meant them, in one canonical form that routing uses too.

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use wattle_spec::limits::HostLimits;

use crate::answer::Failure;

/// The longest path with query that is taken, in bytes.
const TARGET_MAX: usize = 8 << 10;

/// Checks the target of `request` and gives it its absolute form: `http://authority/path?query`.
pub(super) fn canonical<B>(request: &mut Request<B>, scheme: &Scheme) -> Result<(), Failure> {
    if request.method() == Method::CONNECT {
        return Err(Failure::NotSupported("CONNECT"));
    }
    if asks_for_websocket(request.headers()) {
        return Err(Failure::NotSupported("WebSocket"));
    }
    only_chunked(request.headers())?;
    strip_connection_fields(request.headers_mut());
    if request.version() == Version::HTTP_2 {
        join_cookies(request.headers_mut());
    }
    let host = host_header(request.headers(), request.version())?;
    let authority = match (request.uri().authority(), host) {
        (Some(target), Some(host)) if !same_authority(target, &host, scheme) => {
            return Err(Failure::BadRequest("the Host header and the request's target name different hosts"));
        }
        (Some(target), _) => target.clone(),
        (None, Some(host)) => host,
        (None, None) if request.version() == Version::HTTP_2 => {
            return Err(Failure::BadRequest("it has neither an :authority nor a Host header"));
        }
        (None, None) => Authority::from_static("localhost"),
    };
    if port_is_bad(authority.as_str()) {
        return Err(Failure::BadRequest("its host has a port that is not one"));
    }
    if authority.as_str().contains('@') {
        return Err(Failure::BadRequest("a host has no user in it"));
    }
    if request.uri().scheme().is_some_and(|target| target != scheme) {
        return Err(Failure::BadRequest("the target's scheme is not that of the connection"));
    }
    let target = target(request.uri(), request.method())?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|_| Failure::BadRequest("the request's target is not a URI"))?;
    Ok(())
}

/// Checks of a `request` inside what else its connection would have checked.
pub(super) fn check_inside<B>(request: &Request<B>, limits: &HostLimits) -> Result<(), Failure> {
    let (headers, target) = (request.headers(), target(request.uri(), request.method())?);
    // As on a connection: each with a colon, a space and the end of its line.
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    let is_larger = (target.as_str().len() + fields) as u64 > limits.header_bytes.0;
    match is_larger || headers.len() > limits.headers as usize {
        true => Err(Failure::HeadTooLarge),
        false => Ok(()),
    }
}

/// The one transfer coding that there is: `chunked`, once.
fn only_chunked(headers: &HeaderMap) -> Result<(), Failure> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next();
    match first.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none() {
        true => Ok(()),
        false => Err(Failure::BadRequest("its Transfer-Encoding is something else than chunked")),
    }
}

/// Whether the client wants to go on with something else than HTTP. What else it offers to upgrade to may be ignored,
/// but nobody who wants this can do with less.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut offers = headers.get_all(header::UPGRADE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    offers.any(|offer| offer.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// HTTP/2 may send a cookie in pieces, which nobody beyond it knows (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let pieces: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(|piece| piece.as_bytes()).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Removes what is meant for us alone: the fields that `Connection` names.
fn strip_connection_fields(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let values = headers.get_all(header::CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let named: Vec<HeaderName> = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect();
    for name in named.into_iter().filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH) {
        headers.remove(name);
    }
}

fn host_header(headers: &HeaderMap, version: Version) -> Result<Option<Authority>, Failure> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        return match version {
            Version::HTTP_10 | Version::HTTP_2 => Ok(None),
            _ => Err(Failure::BadRequest("it has no Host header")),
        };
    };
    if hosts.next().is_some() {
        return Err(Failure::BadRequest("it has more than one Host header"));
    }
    let host =
        Authority::try_from(host.as_bytes()).map_err(|_| Failure::BadRequest("its Host header is not a host"))?;
    Ok(Some(host))
}

/// Whether there is a port in `host` that is no number up to 65535. The brackets of an IPv6 address hold none.
pub(super) fn port_is_bad(host: &str) -> bool {
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    after.split_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_err())
}

fn same_authority(one: &Authority, other: &Authority, scheme: &Scheme) -> bool {
    let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    one.host().eq_ignore_ascii_case(other.host())
        && one.port_u16().unwrap_or(default_port) == other.port_u16().unwrap_or(default_port)
}

fn target(uri: &Uri, method: &Method) -> Result<PathAndQuery, Failure> {
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if target.as_str().len() > TARGET_MAX {
        return Err(Failure::PathTooLong);
    }
    match target.as_str() {
        "*" if method == Method::OPTIONS => Err(Failure::NotSupported("OPTIONS *")),
        text if text.starts_with('/') => Ok(target),
        _ => Err(Failure::BadRequest("its target is not a path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, hosts: &[&str], expected: Result<&str, &str>) {
        let mut request = Request::get(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(()).expect("a request");
        let outcome = canonical(&mut request, &Scheme::HTTP).map(|()| request.uri().to_string());
        let outcome = outcome.as_deref().map_err(|failure| failure.code().as_str());
        assert_eq!(outcome, expected, "{target} with {hosts:?}");
    }

    #[test]
    fn targets() {
        check("/a?b=c", &["shop.example"], Ok("http://shop.example/a?b=c"));
        check("/", &["shop.example:8080"], Ok("http://shop.example:8080/"));
        check("/", &["[::1]:8080"], Ok("http://[::1]:8080/"));
        check("/", &["[::1]"], Ok("http://[::1]/"));
        check("http://shop.example/a", &["shop.example"], Ok("http://shop.example/a"));
        check("http://shop.example/a", &["SHOP.example:80"], Ok("http://shop.example/a"));
        check("http://shop.example/a", &["evil.example"], Err("bad-request"));
        check("http://shop.example:81/a", &["shop.example"], Err("bad-request"));
        check("https://shop.example/a", &["shop.example"], Err("bad-request"));
        check("/", &[], Err("bad-request"));
        check("/", &["a.example", "a.example"], Err("bad-request"));
        check("/", &["user@a.example"], Err("bad-request"));
        check("/", &["a.example:99999"], Err("bad-request"));
        check("/", &["a.example:x"], Err("bad-request"));
        check("/", &["a.example:99x"], Err("bad-request"));
        check("http://a.example:99999/", &["a.example"], Err("bad-request"));
        check("/", &["a b"], Err("bad-request"));
        check("/", &[""], Err("bad-request"));
    }
}
