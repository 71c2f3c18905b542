//! What the operator lets run: patterns, rules about imports, and what a version asks for beyond another one.

use chrono::{TimeZone, Utc};
use wattle_spec::app::App;
use wattle_spec::control::Moment;
use wattle_spec::digest::Digest;
use wattle_spec::host_file::HostSpec;
use wattle_spec::interface::Interface;
use wattle_spec::policy::{Approved, Asks, NamePattern, Policy};
use wattle_spec::reference::Reference;

use crate::case::Case;
use crate::render;

fn policy(text: &str) -> Policy {
    HostSpec::parse(text).unwrap_or_else(|faults| panic!("{}", render(text, &faults))).policy
}

#[test]
fn patterns() {
    let matches = |pattern: &str, name: &str| pattern.parse::<NamePattern>().unwrap().matches(name);
    for (pattern, name) in [
        ("ghcr.io/acme/cart", "ghcr.io/acme/cart"),
        ("ghcr.io/acme/*", "ghcr.io/acme/cart"),
        ("ghcr.io/**", "ghcr.io/acme/shop/cart"),
        ("**/cart", "ghcr.io/acme/shop/cart"),
        ("**", "ghcr.io/cart"),
        ("*.io/*/cart-*", "ghcr.io/acme/cart-eu"),
        ("ghcr.io/*/*", "ghcr.io/acme/"),
        ("localhost:5000/**", "localhost:5000/cart"),
        ("shop*", "shop"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("ghcr.io/acme/cart", "ghcr.io/acme/carts"),
        ("ghcr.io/acme", "ghcr.io/acme/cart"),
        ("ghcr.io/acme/*", "ghcr.io/acme/shop/cart"),
        ("ghcr.io/*", "ghcr.io.evil.example/cart/x"),
        ("ghcr.io/acme/*", "evil.example/ghcr.io/acme/cart"),
        ("*", "ghcr.io/cart"),
        ("shop", "shop2"),
    ] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
    // Many stars are no more work than others.
    let stars = "*a".repeat(100) + "**";
    assert!(!matches(&stars, &"b".repeat(255)));
}

#[test]
fn what_is_no_pattern() {
    let wrong = |text: &str| text.parse::<NamePattern>().unwrap_err().to_string();
    insta::assert_snapshot!(wrong(""), @"a pattern must not be empty");
    insta::assert_snapshot!(wrong("a/***"), @"`***` means nothing: `*` stands for any characters but `/`, `**` for any");
    insta::assert_snapshot!(wrong("ghcr.io/acme cart"), @"' ' is in no name: a pattern is made of a-z, 0-9, `.`, `_`, `-`, `:`, `/`, `[`, `]` and `*`");
    insta::assert_snapshot!(wrong("ghcr.io/Acme/*"), @"'A' is in no name: names are in lower case");
    insta::assert_snapshot!(wrong("ghcr.io/acme/cart:1.0"), @r#"a pattern is for repositories, and "1.0" is a tag or a digest"#);
    insta::assert_snapshot!(wrong(&"a".repeat(256)), @"a pattern has at most 255 bytes");
}

/// What a pattern says without stars is spelled as references have it, or refused with the right spelling.
#[test]
fn one_spelling() {
    let check = |pattern: &str, spelled: &str, reference: &str| {
        let pattern: NamePattern = pattern.parse().unwrap();
        assert_eq!(pattern.to_string(), spelled);
        let reference: Reference = reference.parse().unwrap();
        assert!(pattern.matches(&reference.repository.to_string()), "{pattern} {reference}");
    };
    check("index.docker.io/acme/**", "docker.io/acme/**", "docker.io/acme/x");
    check("registry-1.docker.io/**", "docker.io/**", "index.docker.io/x");
    check("GHCR.io/acme/*", "ghcr.io/acme/*", "ghcr.io/acme/x");
    check("ghcr.io:443/**", "ghcr.io/**", "GHCR.IO:443/acme/x");
    check("box:443/**", "box:443/**", "box:443/acme/x");
    check("[0:0::1]:5000/**", "[::1]:5000/**", "[::1]:5000/x");
    check("docker.io/nginx", "docker.io/library/nginx", "docker.io/nginx:1");
    check("Index.Docker.io:443/*", "docker.io/library/*", "docker.io/nginx");
    check("docker.io/**", "docker.io/**", "docker.io/nginx");
    check("cache.docker.*/**", "cache.docker.*/**", "cache.docker.example/x");
    let refused = |pattern: &str| {
        let error = pattern.parse::<NamePattern>().unwrap_err();
        format!("{error}\n{}", error.hint().unwrap_or_default())
    };
    insta::assert_snapshot!(refused("GHCR.io/Acme/**"), @"
    'A' is in no name: names are in lower case
    write `ghcr.io/acme/**`
    ");
    insta::assert_snapshot!(refused("*.GHCR.io/acme"), @"
    'G' is in no name: names are in lower case
    write `*.ghcr.io/acme`
    ");
    insta::assert_snapshot!(refused("*.example.com:443/acme"), @r#"
    no reference is about the registry "*.example.com:443", whatever the stars stand for: it is spelled "*.example.com"
    write `*.example.com/` in front
    "#);
    insta::assert_snapshot!(refused("*.docker.io/acme/**"), @r#"
    no reference is about the registry "*.docker.io", whatever the stars stand for: it is spelled "docker.io"
    write `docker.io/` in front
    "#);
    insta::assert_snapshot!(refused(&format!("docker.io/{}", "a".repeat(245))), @"a pattern has at most 255 bytes");
    let check = |text: &str| render(text, &HostSpec::parse(text).unwrap_err());
    let rules = "[[policy.signed]]\nartifacts = 'ghcr.io/Acme/**'\nkeys = ['a.pub']";
    insta::assert_snapshot!(check(rules), @"
    2:13 'A' is in no name: names are in lower case
      hint: write `ghcr.io/acme/**`
    ");
    let rules = "[[policy.signed]]\nartifacts = 'acme/**'\nkeys = ['a.pub']\n\
                 [[policy.signed]]\nartifacts = 'ghcr.io./**'\nkeys = ['a.pub']";
    insta::assert_snapshot!(check(rules), @"
    2:13 no repository is called `acme/**`, so that the rule is about nothing
      hint: write registry and path as references have them, as in ghcr.io/acme/**
    5:13 no repository is called `ghcr.io./**`, so that the rule is about nothing
      hint: write registry and path as references have them, as in ghcr.io/acme/**
    ");
}

#[test]
fn who_must_have_signed() {
    let policy = policy(
        "[[policy.signed]]\nartifacts = 'ghcr.io/acme/**'\nkeys = ['acme.pub', 'old.pub']\n\
         [[policy.signed]]\nartifacts = '**/cart'\nkeys = ['audit.pub']",
    );
    let rules = |reference: &str| {
        let reference: Reference = reference.parse().unwrap();
        let name = reference.repository.to_string();
        let about = policy.signed.iter().filter(|rule| rule.artifacts.matches(&name));
        about.map(|rule| rule.artifacts.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(rules("ghcr.io/acme/cart:1"), ["ghcr.io/acme/**", "**/cart"]);
    assert_eq!(rules("ghcr.io/acme/pricing:1"), ["ghcr.io/acme/**"]);
    assert_eq!(rules("ghcr.io/other/pricing:1"), [""; 0]);
}

#[test]
fn faults() {
    let check = |text: &str| render(text, &HostSpec::parse(text).unwrap_err());
    insta::assert_snapshot!(check("[[policy.signed]]\nartifacts = 'ghcr.io/acme/**'\nkeys = []"), @r#"
    2:13 the rule for `ghcr.io/acme/**` names no key
      hint: name the files of public keys, as in keys = ["acme.pub"]; `wattle key new` makes a pair
    "#);
    let about_nothing = "[[policy.signed]]\nartifacts = 'https://ghcr.io/**'\nkeys = ['a.pub']\n\
                         [[policy.signed]]\nartifacts = 'ghcr.io'\nkeys = ['a.pub']\n\
                         [[policy.imports]]\napps = 'ghcr.io/shop'\nallow = []";
    insta::assert_snapshot!(check(about_nothing), @"
    2:13 no repository is called `https://ghcr.io/**`, so that the rule is about nothing
      hint: write registry and path as references have them, as in ghcr.io/acme/**
    5:13 no repository is called `ghcr.io`, so that the rule is about nothing
      hint: write registry and path as references have them, as in ghcr.io/acme/**
    8:8 no app is called `ghcr.io/shop`, so that the rule is about nothing
      hint: names of apps are lower-case letters, digits and hyphens, as in shop-*
    ");
    insta::assert_snapshot!(check("[policy]\nunsigned = 'deny'\napproval = 'always'\nallow = 1"), @r#"
    2:12 "deny" is none of `allow` and `refuse`
    3:12 "always" is none of `never` and `wider`
    4:1 unknown key `allow` in `policy`
      hint: the keys here are `approval`, `imports`, `signed` and `unsigned`
    "#);
    insta::assert_snapshot!(check("[[policy.signed]]\nartifacts = 'ghcr.io/acme/cart:1'\nkeys = ['a.pub']\n[[policy.imports]]\nallow = ['wasi']"), @r#"
    2:13 a pattern is for repositories, and "1" is a tag or a digest
      hint: as in `"ghcr.io/acme/**"`
    4:1 the key `apps` is missing in `policy.imports`
      hint: add apps = "ghcr.io/acme/**"
    5:10 an interface is written namespace:package/name@version, as in wasi:keyvalue/store
      hint: as in `"wasi:keyvalue"`
    "#);
}

#[test]
fn what_apps_may_import() {
    let policy = policy(
        "[[policy.imports]]\napps = '*'\nallow = ['wasi:http', 'wasi:keyvalue/store']\n\
         [[policy.imports]]\napps = 'shop-*'\nallow = ['wasi:sockets']",
    );
    let against = |app: &str, interface: &str| {
        let interface: Interface = interface.parse().unwrap();
        policy.against(&app.parse().unwrap(), &interface).len()
    };
    assert_eq!(against("cart", "wasi:http/client@0.3.0"), 0);
    assert_eq!(against("cart", "wasi:keyvalue/store@0.2.0-draft"), 0);
    assert_eq!(against("cart", "wasi:keyvalue/atomics@0.2.0-draft"), 1);
    assert_eq!(against("cart", "wasi:sockets/tcp@0.2.0"), 1);
    assert_eq!(against("shop-eu", "wasi:sockets/tcp@0.2.0"), 0);
    assert_eq!(against("shop-eu", "wasi:config/store@0.2.0-rc.1"), 2);
    assert_eq!(against("cart", "wasi:io/streams@0.2.0"), 0, "it touches nothing");
    let none = Policy::default();
    assert!(none.against(&"cart".parse().unwrap(), &"wasi:sockets/tcp".parse().unwrap()).is_empty());
}

/// The links of an app with one component on a host that lets it have these alone.
fn links(components: &str, lines: &str, allow: &str) -> String {
    let host = format!("[[policy.imports]]\napps = '*'\nallow = [{allow}]");
    Case { lines, components, host: &host }.links()
}

#[test]
fn imports_that_are_not_allowed() {
    insta::assert_snapshot!(links("cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>", "", "'wasi:http'"), @"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: component `cart` imports `wasi:keyvalue/store@0.2.0-draft`, which the policy of this host does not let the app `shop` have
    2:26 component `cart` imports `wasi:keyvalue/store@0.2.0-draft`, which the policy of this host does not let the app `shop` have
      hint: the rule for `*` allows `wasi:http`: ask the operator of the host, or use another host
    ");
    // What another component gives is no matter of the host.
    let siblings = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>\npricing: 0.2 => wasi:keyvalue/store@0.2.0-draft";
    insta::assert_snapshot!(links(siblings, "components.pricing.source = 'pricing.wasm'", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    let module = "cart: module wasi_snapshot_preview1.sock_recv wasi_snapshot_preview1.fd_close =>";
    insta::assert_snapshot!(links(module, "", "'wasi:cli'"), @"
    cart wasi_snapshot_preview1.sock_recv -> refused: component `cart` imports `wasi_snapshot_preview1.sock_recv`, which the policy of this host does not let the app `shop` have
    cart wasi_snapshot_preview1.fd_close -> built-in (built-in): the host implements preview 1 of WASI
    2:26 component `cart` imports `wasi_snapshot_preview1.sock_recv`, which the policy of this host does not let the app `shop` have
      hint: the rule for `*` allows `wasi:cli`: ask the operator of the host, or use another host
    ");
}

fn app(lines: &str, components: &str) -> App {
    Case { lines, components, host: "" }.app(&HostSpec::default()).unwrap()
}

/// What an app of one component asks for.
fn asks(import: &str, lines: &str) -> Asks {
    let components = format!("cart: 0.2 {import} =>");
    Asks::of(&app(lines, &components), |_| false)
}

#[test]
fn what_is_asked_for() {
    let none = Asks::default();
    let lines = "components.cart.secrets = ['stripe-key']\n\
                 components.cart.allow.http = ['https://api.example.com']\n\
                 components.cart.allow.tcp = ['10.0.0.1:5432']\n\
                 components.cart.links = { 'wasi:keyvalue' = 'memory' }";
    let asked = asks("wasi:keyvalue/store@0.2.0-draft wasi:io/streams@0.2.0", lines);
    insta::assert_snapshot!(asked.beyond(&none).join("\n"), @"
    cart: HTTP to https://api.example.com
    cart: TCP to 10.0.0.1/32:5432
    cart: the secret stripe-key
    cart: wasi:keyvalue/store in the backend memory
    ");
    assert_eq!(asked.beyond(&asked), [""; 0]);
    let less = asks("wasi:keyvalue/store@0.2.0-draft", "components.cart.links = { 'wasi:keyvalue' = 'memory' }");
    assert_eq!(less.beyond(&asked), [""; 0], "less asks for nothing new");
    insta::assert_snapshot!(asked.beyond(&less).join("\n"), @"
    cart: HTTP to https://api.example.com
    cart: TCP to 10.0.0.1/32:5432
    cart: the secret stripe-key
    ");
    // Another backend may hold what others keep.
    insta::assert_snapshot!(asks("wasi:keyvalue/store@0.2.0-draft", "").beyond(&less).join("\n"), @"cart: wasi:keyvalue/store");
}

/// What an app brings leads elsewhere as well as what it imports.
#[test]
fn backends_and_folders() {
    let lines = |server: &str, folder: &str| {
        format!(
            "backends.orders = {{ type = 'nats', servers = ['{server}'], token-file = '/run/token' }}\n\
             [[triggers.http]]\npath = '/...'\nfiles = '{folder}'"
        )
    };
    let of = |lines: &str| Asks::of(&app(lines, "cart: 0.2 =>"), |folder| folder.starts_with("/app"));
    let (before, after) = (of(&lines("nats://a.example.com", "public")), of(&lines("nats://b.example.com", "/etc")));
    insta::assert_snapshot!(before.beyond(&Asks::default()).join("\n"), @"the backend orders: type = nats, scope = app, servers = nats://a.example.com:4222, token-file = /run/token, replicas = 1");
    insta::assert_snapshot!(after.beyond(&before).join("\n"), @"
    the backend orders: type = nats, scope = app, servers = nats://b.example.com:4222, token-file = /run/token, replicas = 1
    to serve the folder /etc
    ");
}

#[test]
fn records() {
    let app = app("", "cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>");
    let approved =
        Approved::new(&app, Asks::of(&app, |_| true), Moment(Utc.with_ymd_and_hms(2026, 11, 2, 7, 0, 0).unwrap()));
    insta::assert_snapshot!(approved.text(), @r#"
    {
      "format": 1,
      "app": "default/shop",
      "asks": [
        "cart: wasi:keyvalue/store"
      ],
      "since": "2026-11-02T07:00:00Z"
    }
    "#);
    assert_eq!(Approved::parse(approved.text().as_bytes(), &app.id).unwrap(), approved);
    // As it was written before.
    let digest = Digest::of(b"cart");
    let old =
        approved.text().replace("\"since\"", &format!("\"components\": {{ \"cart\": \"{digest}\" }},\n  \"since\""));
    assert_eq!(Approved::parse(old.as_bytes(), &app.id).unwrap(), approved);
    assert!(Approved::parse(old.replace("components", "more").as_bytes(), &app.id).is_err());
    let wrong = |text: &str| Approved::parse(text.as_bytes(), &app.id).unwrap_err().to_string();
    let text = approved.text();
    insta::assert_snapshot!(wrong(&text.replace("\"format\": 1", "\"format\": 2")), @"it has format 2, and this release reads 1");
    insta::assert_snapshot!(wrong(&text.replace("default/", "other/")), @"it is about the app `other/shop`");
    insta::assert_snapshot!(wrong(&text[..20]), @"it cannot be read");
    insta::assert_snapshot!(wrong(&text.repeat(20_000)), @"it has more than 1048576 bytes");
}
