//! Names, digests, sizes, times and interfaces.

use proptest::prelude::*;
use wattle_spec::interface::Interface;
use wattle_spec::name::{AppName, NAME_MAX_LEN};
use wattle_spec::units::{ByteSize, Span};

fn interface(text: &str) -> String {
    text.parse::<Interface>().map_or_else(|error| error.to_string(), |interface| interface.to_string())
}

#[test]
fn interfaces() {
    let cases = [
        "wasi:keyvalue",
        "wasi:keyvalue/store",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:logging/logging",
        "wasi:http@0.2.12",
        "keyvalue",
        "wasi:",
        "wasi:key value",
        "wasi:a/b/c",
        "wasi:a@1",
        "wasi:a#sessions",
        "wasi:a:b",
        "1a:b",
    ];
    let table: Vec<String> = cases.iter().map(|text| format!("{text} => {}", interface(text))).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    wasi:keyvalue => wasi:keyvalue
    wasi:keyvalue/store => wasi:keyvalue/store
    wasi:keyvalue/store@0.2.0-draft => wasi:keyvalue/store@0.2.0-draft
    wasi:logging/logging => wasi:logging/logging
    wasi:http@0.2.12 => wasi:http@0.2.12
    keyvalue => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    wasi: => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    wasi:key value => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    wasi:a/b/c => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    wasi:a@1 => "1" is not a semantic version, as in 0.2.0
    wasi:a#sessions => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    wasi:a:b => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    1a:b => an interface is written namespace:package/name@version, as in wasi:keyvalue/store
    "#);
}

/// Whether a provider serves an import, which both of a track do, and whether it would as a key in `links`.
fn check(ours: &str, import: &str) -> String {
    let (ours, import): (Interface, Interface) = (ours.parse().unwrap(), import.parse().unwrap());
    assert_eq!(ours.serves(&import), ours.track() == import.track(), "{ours}, {import}");
    format!("serves {}, covers {}", ours.serves(&import), ours.covers(&import))
}

#[test]
fn versions() {
    insta::assert_snapshot!(check("wasi:http/types@0.2.12", "wasi:http/types@0.2.0"), @"serves true, covers true");
    insta::assert_snapshot!(check("wasi:http/types@0.3.0", "wasi:http/types@0.3.2"), @"serves true, covers true");
    insta::assert_snapshot!(check("wasi:http/types@0.2.12", "wasi:http/types@0.3.0"), @"serves false, covers false");
    insta::assert_snapshot!(check("a:b/c@1.2.0", "a:b/c@1.0.0"), @"serves true, covers true");
    insta::assert_snapshot!(check("a:b/c@0.0.1", "a:b/c@0.0.2"), @"serves false, covers false");
    insta::assert_snapshot!(check("wasi:keyvalue/store@0.2.0-draft", "wasi:keyvalue/store@0.2.0-draft"), @"serves true, covers true");
    insta::assert_snapshot!(check("wasi:keyvalue/store@0.2.0-draft", "wasi:keyvalue/store@0.2.0-draft2"), @"serves false, covers false");
    insta::assert_snapshot!(check("wasi:keyvalue/store@0.2.0", "wasi:keyvalue/store@0.2.0-draft"), @"serves false, covers false");
    insta::assert_snapshot!(check("wasi:keyvalue", "wasi:keyvalue/store@0.2.0-draft"), @"serves false, covers true");
    insta::assert_snapshot!(check("wasi:keyvalue/store", "wasi:keyvalue/atomics@0.2.0-draft"), @"serves false, covers false");
    insta::assert_snapshot!(check("wasi:logging/logging", "wasi:logging/logging"), @"serves true, covers true");
}

proptest! {
    #[test]
    fn an_interface_comes_back(text in "[a-z]{1,5}:[a-z][a-z0-9-]{0,5}(/[a-z]{1,5})?(@[0-9]\\.[1-9][0-9]\\.[0-9](-[a-z]{1,5})?)?") {
        prop_assert_eq!(interface(&text), text);
    }

    #[test]
    fn an_interface_serves_and_covers_itself(text in "[a-z]{1,5}:[a-z]{1,5}/[a-z]{1,5}(@[0-9]\\.[0-9]\\.[0-9](-[a-z]{1,5})?)?") {
        let interface: Interface = text.parse().unwrap();
        prop_assert!(interface.serves(&interface) && interface.covers(&interface));
        prop_assert!(interface.package_key().covers(&interface));
    }

    #[test]
    fn reading_an_interface_never_panics(text in any::<String>()) {
        let _ = interface(&text);
    }

    #[test]
    fn a_size_comes_back(bytes in any::<u64>()) {
        prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
    }

    #[test]
    fn a_span_comes_back(ms in any::<u64>()) {
        let span = Span(std::time::Duration::from_millis(ms));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn reading_a_quantity_never_panics(text in "[0-9]{0,30} ?[a-zA-Z]{0,4}") {
        let _ = (text.parse::<ByteSize>(), text.parse::<Span>());
    }

    #[test]
    fn every_text_resembles_a_name(text in any::<String>()) {
        let name = AppName::resembling(&text);
        prop_assert!(name.as_str().len() <= NAME_MAX_LEN);
        prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
    }
}

#[test]
fn servers_of_nats() {
    let read = |text: &str| match text.parse::<wattle_spec::backend::NatsServer>() {
        Ok(server) => server.to_string(),
        Err(error) => format!("{error}; {}", error.hint().unwrap_or("-")),
    };
    insta::assert_snapshot!([
        "nats://nats.example.com",
        "tls://10.0.0.1:4333/",
        "nats://[::1]:4222",
        "nats.example.com:4222",
        "http://nats.example.com",
        "nats://user:canary@nats.example.com",
        "nats://nats.example.com/path",
        "nats://",
        "nats://nats.example.com:0",
        "nats://1.2.3",
    ].map(read).join("\n"), @r#"
    nats://nats.example.com:4222
    tls://10.0.0.1:4333
    nats://[::1]:4222
    a server of NATS begins with nats:// or tls://; write it as in `nats://nats.example.com:4222`
    a server of NATS begins with nats:// or tls://; write it as in `nats://nats.example.com:4222`
    a server's address has no user, password or token in it; write `user` and `password-file`, `token-file`, `credentials` or `nkey` beside it
    nothing follows the host and the port of a server; -
    a host name has labels of 1 to 63 characters and at most 253 in all; -
    the port is not a number from 1 to 65535; -
    "1.2.3" looks like an address but is not written as one, as in 192.0.2.1; -
    "#);
}
