//! What of the network a component may reach: table by table.

use wattle_spec::network::{
    AddressClass, AddressRange, Denied, EndpointPattern, NetworkPolicy, Origin, OriginPattern, OriginPatternError,
    SocketPolicy,
};

fn allowed(pattern: &str, scheme: &str, authority: &str) -> bool {
    let pattern: OriginPattern = pattern.parse().unwrap();
    Origin::new(scheme, authority).is_ok_and(|origin| pattern.matches(&origin))
}

#[test]
fn origins_that_a_pattern_means() {
    for (pattern, scheme, authority) in [
        ("https://api.example.com", "https", "api.example.com"),
        ("https://api.example.com", "https", "API.Example.COM"),
        ("https://api.example.com", "https", "api.example.com:443"),
        ("https://api.example.com", "https", "api.example.com."),
        ("https://API.example.com.", "https", "api.example.com"),
        ("https://api.example.com:8443", "https", "api.example.com:8443"),
        ("http://api.example.com:*", "http", "api.example.com:9"),
        ("https://*.example.com", "https", "a.example.com"),
        ("https://*.example.com", "https", "a.b.example.com"),
        ("https://*", "https", "anything.at.all"),
        ("https://*", "https", "192.0.2.1"),
        ("http://*:*", "http", "anything:81"),
        ("http://127.0.0.1:8080", "http", "127.0.0.1:8080"),
        ("http://[::1]:8080", "http", "[0:0::1]:8080"),
        ("https://xn--bcher-kva.example", "https", "xn--bcher-kva.example"),
    ] {
        assert!(allowed(pattern, scheme, authority), "{pattern} should mean {scheme}://{authority}");
    }
}

#[test]
fn origins_that_only_look_like_it() {
    for (pattern, scheme, authority) in [
        ("https://example.com", "http", "example.com"),
        ("https://example.com", "http", "example.com:443"),
        ("https://example.com", "https", "example.com:80"),
        ("https://example.com", "https", "evil-example.com"),
        ("https://example.com", "https", "example.com.evil.test"),
        ("https://example.com", "https", "a.example.com"),
        ("https://example.com", "https", "example.com.."),
        ("https://example.com", "https", "example.com@evil.test"),
        ("https://example.com", "https", "evil.test@example.com"),
        ("https://example.com", "https", "example.com:443@evil.test"),
        ("https://example.com", "https", "example.com:"),
        ("https://example.com", "https", "example.com:+443"),
        ("https://example.com", "https", "example.com:0443x"),
        ("https://example.com", "https", "example.com:65979"),
        ("https://example.com", "https", "example.com%2eevil.test"),
        ("https://*.example.com", "https", "example.com"),
        ("https://*.example.com", "https", "evil-example.com"),
        ("https://*.example.com", "https", ".example.com"),
        ("https://*.example.com", "https", "a.example.com.evil.test"),
        ("https://*.0.0.example", "https", "127.0.0.1"),
        ("http://127.0.0.1", "http", "localhost"),
        ("https://*", "ftp", "example.com"),
        ("https://*", "https", ""),
        // Not one of these is an address in the one spelling that everybody reads in the same way.
        ("http://*", "http", "2130706433"),
        ("http://*", "http", "0x7f000001"),
        ("http://*", "http", "0x7f.1"),
        ("http://*", "http", "0177.0.0.1"),
        ("http://*", "http", "127.1"),
        ("http://*", "http", "127.0.0.1."),
        ("http://*", "http", "127.0.0.01"),
        ("http://*", "http", "a.0x"),
        ("http://*", "http", "[::1%25eth0]"),
        ("http://*", "http", "[127.0.0.1]"),
        ("http://*", "http", "::1"),
    ] {
        assert!(!allowed(pattern, scheme, authority), "{pattern} should not mean {scheme}://{authority}");
    }
}

#[test]
fn patterns_that_are_none() {
    let check = |text: &str| format!("{text}: {}\n", text.parse::<OriginPattern>().unwrap_err());
    let all = [
        "api.example.com",
        "ftp://api.example.com",
        "*://api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com/",
        "https://me@api.example.com",
        "https://api.*.com",
        "https://a*.example.com",
        "https://*.*.com",
        "https://*.127.0.0.1",
        "https://*.2130706433",
        "https://bücher.example",
        "https://api.example.com:0",
        "https://api.example.com:http",
        "https://",
        "https://0177.0.0.1",
        "https://[::1",
    ]
    .map(check)
    .concat();
    insta::assert_snapshot!(all, @r#"
    api.example.com: an origin begins with `http://` or `https://`
    ftp://api.example.com: the scheme is neither http nor https
    *://api.example.com: the scheme is neither http nor https
    https://api.example.com/v1: an origin ends with its host or port: paths are not compared
    https://api.example.com/: an origin ends with its host or port: paths are not compared
    https://me@api.example.com: an origin has no user in it
    https://api.*.com: a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port
    https://a*.example.com: a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port
    https://*.*.com: a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port
    https://*.127.0.0.1: a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port
    https://*.2130706433: "2130706433" looks like an address but is not written as one, as in 192.0.2.1
    https://bücher.example: a host with other letters than a to z is written in punycode (`xn--...`), as it is in DNS
    https://api.example.com:0: the port is not a number from 1 to 65535
    https://api.example.com:http: the port is not a number from 1 to 65535
    https://: a host name has labels of 1 to 63 characters and at most 253 in all
    https://0177.0.0.1: "0177.0.0.1" looks like an address but is not written as one, as in 192.0.2.1
    https://[::1: the port is not a number from 1 to 65535
    "#);
}

#[test]
fn what_is_behind_an_address() {
    use AddressClass::{LinkLocal, Loopback, Metadata, Private, Public, Reserved};
    for (address, class) in [
        ("1.1.1.1", Public),
        ("172.15.255.255", Public),
        ("172.32.0.0", Public),
        ("100.128.0.0", Public),
        ("2606:4700::1111", Public),
        ("127.0.0.1", Loopback),
        ("127.255.255.254", Loopback),
        ("::1", Loopback),
        ("::ffff:127.0.0.1", Loopback),
        ("64:ff9b::7f00:1", Loopback),
        ("2002:7f00:1::", Loopback),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.168.1.1", Private),
        ("100.64.0.1", Private),
        ("fd00::1", Private),
        ("fec0::1", Private),
        ("::ffff:10.0.0.1", Private),
        ("2002:a00:1::1", Private),
        ("169.254.1.1", LinkLocal),
        ("fe80::1", LinkLocal),
        ("169.254.169.254", Metadata),
        ("::ffff:169.254.169.254", Metadata),
        ("64:ff9b::a9fe:a9fe", Metadata),
        ("169.254.170.2", Metadata),
        ("168.63.129.16", Metadata),
        ("100.100.100.200", Metadata),
        ("fd00:ec2::254", Metadata),
        ("0.0.0.0", Reserved),
        ("0.1.2.3", Reserved),
        ("::", Reserved),
        ("::127.0.0.1", Reserved),
        ("192.0.2.1", Reserved),
        ("198.18.0.1", Reserved),
        ("224.0.0.1", Reserved),
        ("255.255.255.255", Reserved),
        ("ff02::1", Reserved),
        ("2001::1", Reserved),
        ("2001:db8::1", Reserved),
        ("64:ff9b:1::1", Reserved),
        ("4000::1", Reserved),
    ] {
        assert_eq!(AddressClass::of(address.parse().unwrap()), class, "{address}");
    }
}

#[test]
fn ranges() {
    let contains = |range: &str, address: &str| {
        let range: AddressRange = range.parse().unwrap();
        assert_eq!(range.to_string().parse::<AddressRange>(), Ok(range));
        range.contains(address.parse().unwrap())
    };
    assert!(contains("loopback", "127.0.0.1"));
    assert!(contains("loopback", "::1"));
    assert!(!contains("loopback", "10.0.0.1"));
    assert!(contains("link-local", "169.254.1.1"));
    assert!(!contains("link-local", "169.254.169.254"), "credentials are asked for by their own name");
    assert!(contains("10.1.0.0/16", "10.1.255.255"));
    assert!(contains("10.1.0.0/16", "::ffff:10.1.0.1"));
    assert!(!contains("10.1.0.0/16", "10.2.0.0"));
    assert!(contains("0.0.0.0/0", "10.2.0.0"));
    assert!(!contains("0.0.0.0/0", "::1"));
    assert!(contains("192.168.1.7", "192.168.1.7"));
    assert!(!contains("192.168.1.7", "192.168.1.6"));
    assert!(contains("fd12::/16", "fd12:ffff::1"));
    let wrong = |text: &str| format!("{text}: {}\n", text.parse::<AddressRange>().unwrap_err());
    let all =
        ["public", "10.0.0.0/33", "fd00::/129", "10.1.2.3/16", "10.0.0.0/x", "", "10.0.0/8", "::ffff:10.0.0.0/104"]
            .map(wrong)
            .concat();
    insta::assert_snapshot!(all, @r#"
    public: "public" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    10.0.0.0/33: an address of IPv4 has no more than 32 bits
    fd00::/129: an address of IPv6 has no more than 128 bits
    10.1.2.3/16: the network of 10.1.2.3/16 begins at 10.1.0.0
    10.0.0.0/x: "10.0.0.0/x" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    : "" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    10.0.0/8: "10.0.0/8" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    ::ffff:10.0.0.0/104: an IPv4 network is written as one: it begins at 10.0.0.0
    "#);
}

fn policy(http: &str, networks: &[&str]) -> NetworkPolicy {
    let networks = networks.iter().map(|range| range.parse().unwrap()).collect();
    NetworkPolicy { http: vec![http.parse().unwrap()], networks, ..NetworkPolicy::default() }
}

/// A name that is allowed leads to public addresses only, unless a range allows the address.
#[test]
fn addresses_that_a_name_may_lead_to() {
    let check =
        |networks: &[&str], address: &str| policy("http://a.example", networks).check_address(address.parse().unwrap());
    assert_eq!(check(&[], "1.1.1.1"), Ok(()));
    assert_eq!(check(&[], "127.0.0.1"), Err(AddressClass::Loopback));
    assert_eq!(check(&["private"], "127.0.0.1"), Err(AddressClass::Loopback));
    assert_eq!(check(&["loopback"], "127.0.0.1"), Ok(()));
    assert_eq!(check(&["127.0.0.0/8"], "::ffff:127.0.0.1"), Ok(()));
    assert_eq!(check(&["private", "link-local"], "169.254.169.254"), Err(AddressClass::Metadata));
}

/// An origin that is an address must be public, in a range, or written out.
#[test]
fn origins_that_are_addresses() {
    let check = |http: &str, networks: &[&str], authority: &str| {
        policy(http, networks).check(&Origin::new("http", authority).unwrap())
    };
    assert_eq!(check("http://a.example", &[], "a.example"), Ok(()));
    assert_eq!(check("http://a.example", &[], "b.example"), Err(Denied::Origin));
    assert_eq!(check("http://*", &[], "1.1.1.1"), Ok(()));
    assert_eq!(check("http://*", &[], "127.0.0.1"), Err(Denied::Address(AddressClass::Loopback)));
    assert_eq!(check("http://*", &["loopback"], "127.0.0.1"), Ok(()));
    assert_eq!(check("http://127.0.0.1", &[], "127.0.0.1"), Ok(()));
    assert_eq!(check("http://*", &[], "[::ffff:a9fe:a9fe]"), Err(Denied::Address(AddressClass::Metadata)));
}

/// `http://self` is the app, and nothing but that text means it.
#[test]
fn the_app_itself() {
    let check = |http: &str, scheme: &str, authority: &str| {
        let origin = Origin::new(scheme, authority).unwrap();
        (origin.is_self(), policy(http, &[]).check(&origin).is_ok())
    };
    assert_eq!(check("http://self", "http", "self"), (true, true));
    assert_eq!(check("http://self", "http", "SELF:80"), (true, true));
    assert_eq!(check("http://self", "https", "self"), (true, false));
    assert_eq!(check("http://self", "http", "self:8080"), (true, false));
    assert_eq!(check("http://self", "http", "a.self"), (false, false));
    assert_eq!(check("http://*", "http", "self"), (true, false));
    assert_eq!(check("http://*:*", "http", "self"), (true, false));
    assert_eq!(check("http://*.self", "http", "a.self"), (false, true));
    for text in ["https://self", "http://self:81", "http://self:*"] {
        assert_eq!(text.parse::<OriginPattern>(), Err(OriginPatternError::OddSelf), "{text}");
    }
}

#[test]
fn endpoints() {
    let policy = |patterns: &[&str]| SocketPolicy(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect());
    let reaches = |patterns: &[&str], endpoint: &str| policy(patterns).reaches(endpoint.parse().unwrap());
    assert!(reaches(&["10.1.0.0/16:5432"], "10.1.2.3:5432"));
    assert!(!reaches(&["10.1.0.0/16:5432"], "10.1.2.3:5433"));
    assert!(!reaches(&["10.1.0.0/16:5432"], "10.2.0.0:5432"));
    assert!(reaches(&["private:*"], "192.168.0.1:1"));
    assert!(!reaches(&["private:*", "public:*"], "127.0.0.1:1"));
    assert!(reaches(&["public:443"], "1.1.1.1:443"));
    assert!(!reaches(&["public:443"], "[::ffff:10.0.0.1]:443"));
    assert!(reaches(&["[fd00::/8]:53"], "[fd00::1]:53"));
    assert!(!reaches(&[], "1.1.1.1:443"));

    let serves = |patterns: &[&str], endpoint: &str| policy(patterns).serves(endpoint.parse().unwrap());
    assert!(serves(&["loopback:8000"], "127.0.0.1:8000"));
    assert!(serves(&["loopback:8000"], "127.0.0.1:0"));
    assert!(!serves(&["loopback:8000"], "127.0.0.1:8001"));
    assert!(!serves(&["0.0.0.0/0:*"], "0.0.0.0:8000"), "that is every interface");
    assert!(!serves(&["private:*"], "10.0.0.1:8000"), "that is an interface that others reach");
    assert!(!serves(&["private:*"], "127.0.0.1:0"));
}

#[test]
fn endpoints_by_name() {
    let policy = |patterns: &[&str]| SocketPolicy(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect());
    let ports = |patterns: &[&str], name: &str| policy(patterns).ports_of(&name.parse().unwrap());
    assert_eq!(ports(&["db.example.com:5432", "DB.example.com.:*"], "db.example.com"), [Some(5432), None]);
    assert_eq!(ports(&["*.example.com:443"], "a.example.com"), [Some(443)]);
    assert_eq!(ports(&["*.example.com:443"], "example.com"), []);
    assert_eq!(ports(&["*.example.com:443"], "evil-example.com"), []);
    assert_eq!(ports(&["loopback:*", "public:*"], "db.example.com"), []);
    assert!(!policy(&["db.example.com:*"]).reaches("127.0.0.1:1".parse().unwrap()));
}

#[test]
fn endpoints_as_text() {
    for text in [
        "10.1.0.0/16:5432",
        "loopback:*",
        "[fd00::/8]:6379",
        "public:443",
        "metadata:80",
        "db.example.com:5432",
        "*.example.com:*",
        "redis:6379",
    ] {
        assert_eq!(text.parse::<EndpointPattern>().unwrap().to_string(), text);
    }
    let wrong = |text: &str| format!("{text}: {}\n", text.parse::<EndpointPattern>().unwrap_err());
    let all = ["loopback", "loopback:0", "loopback:x", "fd00::1:53", ":80", "*:80", "a*.example.com:80", "127.1:80"]
        .map(wrong);
    insta::assert_snapshot!(all.concat(), @r#"
    loopback: an endpoint ends with `:` and a port, or `:*` for every port
    loopback:0: the port is neither a number from 1 to 65535 nor `*`
    loopback:x: the port is neither a number from 1 to 65535 nor `*`
    fd00::1:53: an IPv6 address or network is written in brackets, as in [fd00::/8]:5432
    :80: "" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    *:80: a `*` stands for whole labels at the start of a name (`*.example.com`); for addresses write `public` or a network
    a*.example.com:80: a `*` stands for whole labels at the start of a name (`*.example.com`); for addresses write `public` or a network
    127.1:80: "127.1" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
    "#);
}
