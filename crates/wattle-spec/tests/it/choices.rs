//! What a host records of an app, and what it then is on a host with other defaults.

use std::error::Error;

use chrono::{TimeZone, Utc};
use wattle_spec::choices::{BackendPlace, Choices, Moved};
use wattle_spec::control::Moment;
use wattle_spec::host_file::HostSpec;
use wattle_spec::link::Provider;
use wattle_spec::resolve::explain;

use crate::case::{Case, found, offers};

const CART: &str = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasmcloud:messaging/consumer@0.2.0 =>";
const PLAIN: Case<'_> = Case { lines: "", components: CART, host: "" };

fn moment(day: u32) -> Moment {
    Moment(Utc.with_ymd_and_hms(2026, 11, day, 7, 0, 0).unwrap())
}

/// A host with `text`, and with what it recorded when `case` started there while its file was `then`.
fn host(text: &str, case: &Case<'_>, then: &str) -> HostSpec {
    let then = HostSpec::parse(then).unwrap();
    let app = case.app(&then).unwrap();
    let recorded = Choices::default().started(&app, &then.backends, moment(1));
    HostSpec { recorded, ..HostSpec::parse(text).unwrap() }
}

/// What each import gets and what else there would be, or the first fault.
fn links(case: &Case<'_>, host: &HostSpec) -> String {
    let manifest = wattle_spec::manifest::Manifest::parse(&case.text()).unwrap();
    let mut out = String::new();
    for explained in explain(&manifest, &found(case.components), &offers(), host) {
        let choice = match &explained.outcome {
            Ok((provider, rule)) => format!("{provider} ({rule})"),
            Err(refusal) => format!("refused: {}", refusal.hint.as_deref().unwrap_or_default()),
        };
        out += &format!("{} -> {choice}: {}\n", explained.what, explained.reason);
        for other in &explained.others {
            let provider = other.outcome.as_ref().map_or("refused".into(), ToString::to_string);
            out += &format!("    else {provider} ({}): {}\n", other.rule, other.reason);
        }
    }
    out
}

#[test]
fn a_new_default_moves_nothing() {
    let host = host("defaults = 'nats'", &PLAIN, "");
    insta::assert_snapshot!(links(&PLAIN, &host), @r#"
    wasi:keyvalue/store@0.2.0-draft -> backend disk (recorded): nothing links it, and `disk` was recorded at the first start on 2026-11-01
        else backend nats (default of the host): `defaults = "nats"` of the host keeps keys and values in `nats`
    wasmcloud:messaging/consumer@0.2.0 -> backend disk (recorded): nothing links it, and `disk` was recorded at the first start on 2026-11-01
        else backend nats (default of the host): `defaults = "nats"` of the host keeps messages in `nats`
    "#);
}

/// Whatever the operator writes into the host's file, what was recorded stays where it was; or the app is refused.
#[test]
fn no_default_moves_what_is_recorded() {
    let label = Case {
        components: "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/store@0.2.0-draft#sessions =>",
        ..PLAIN
    };
    let named = "links = { 'wasi:keyvalue' = 'main', 'wasi:keyvalue#sessions' = 'cache' }\n\
                 backends.main.type = 'disk'\nbackends.cache.type = 'nats'\n";
    let files = [
        "",
        "defaults = 'nats'",
        named,
        &named.replace("'main',", "'cache',"),
        "links = { 'wasi:keyvalue/store' = 'memory' }",
        "links = { 'wasi:keyvalue#sessions' = 'memory' }",
    ];
    for case in [&PLAIN, &label] {
        for then in &files {
            let before = case.app(&HostSpec::parse(then).unwrap()).unwrap();
            for now in &files {
                let Ok(after) = case.app(&host(now, case, then)) else { continue };
                for (before, after) in before.components.values().zip(after.components.values()) {
                    let name = |link: &wattle_spec::link::Link| (link.what.to_string(), link.provider.clone());
                    let kept: Vec<_> = before
                        .links
                        .iter()
                        .map(name)
                        .filter(
                            |(_, provider)| matches!(provider, Provider::Backend(name) if name.as_str() != "memory"),
                        )
                        .collect();
                    let found: Vec<_> = after.links.iter().map(name).collect();
                    assert!(kept.iter().all(|kept| found.contains(kept)), "{then} then {now}: {kept:?} {found:?}");
                }
            }
        }
    }
}

/// A link that somebody writes is a decision, and wins.
#[test]
fn links_come_first() {
    let linked = Case { lines: "links = { 'wasi:keyvalue' = 'memory' }", ..PLAIN };
    insta::assert_snapshot!(links(&linked, &host("", &PLAIN, "defaults = 'nats'\n")), @r#"
    wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the app): the app's links say `"wasi:keyvalue" = "memory"`
        else refused (recorded): `nats` was recorded at the first start on 2026-11-01
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    wasmcloud:messaging/consumer@0.2.0 -> refused: `nats` was recorded at the first start on 2026-11-01; bring it back in the host's file, and move what is kept with `wattle link move shop cart wasmcloud:messaging=BACKEND`:
    [backends.nats]
    type = "nats"
    servers = ["nats://127.0.0.1:4222"]
    or give up what is kept there: remove `choices/default.shop.json` from the data directory: what component `cart` keeps through `wasmcloud:messaging` is in backend `nats`, which is not there any more
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    "#);
}

/// What is moved is found where it is while the link leads to where it was, and only then.
#[test]
fn moved() {
    let mut host = HostSpec::parse("defaults = 'nats'").unwrap();
    let nats = "nats".parse().unwrap();
    let place = BackendPlace::of(&nats, &host.backends[&nats]);
    let moved = Moved { from: "disk".parse().unwrap(), place, since: moment(2) };
    host.recorded.moved.insert("wasi:keyvalue".parse().unwrap(), moved);
    let store = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>";
    let linked = |lines| links(&Case { lines, components: store, ..PLAIN }, &host);
    insta::assert_snapshot!(linked("links = { 'wasi:keyvalue' = 'disk' }"), @r#"
    wasi:keyvalue/store@0.2.0-draft -> backend nats (moved): what was kept in `disk` was moved to `nats` on 2026-11-02
        else backend disk (link on the app): the app's links say `"wasi:keyvalue" = "disk"`
        else backend nats (default of the host): `defaults = "nats"` of the host keeps keys and values in `nats`
    "#);
    insta::assert_snapshot!(linked("links = { 'wasi:keyvalue' = 'memory' }"), @r#"
    wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the app): the app's links say `"wasi:keyvalue" = "memory"`
        else backend nats (default of the host): `defaults = "nats"` of the host keeps keys and values in `nats`
    "#);
    insta::assert_snapshot!(linked(""), @r#"wasi:keyvalue/store@0.2.0-draft -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps keys and values in `nats`"#);
}

#[test]
fn a_backend_that_is_gone() {
    let then =
        "links = { 'wasi:keyvalue' = 'main' }\n[backends.main]\ntype = 'nats'\nservers = ['nats://a', 'nats://b']";
    let refused = |now: &str| links(&PLAIN, &host(now, &PLAIN, then));
    insta::assert_snapshot!(refused(""), @r#"
    wasi:keyvalue/store@0.2.0-draft -> refused: `main` was recorded at the first start on 2026-11-01; bring it back in the host's file, and move what is kept with `wattle link move shop cart wasi:keyvalue=BACKEND`:
    [backends.main]
    type = "nats"
    servers = ["nats://a:4222", "nats://b:4222"]
    or give up what is kept there: remove `choices/default.shop.json` from the data directory: what component `cart` keeps through `wasi:keyvalue` is in backend `main`, which is not there any more
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    wasmcloud:messaging/consumer@0.2.0 -> backend disk (recorded): nothing links it, and `disk` was recorded at the first start on 2026-11-01
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    "#);
    insta::assert_snapshot!(refused("backends.main.type = 'disk'"), @r#"
    wasi:keyvalue/store@0.2.0-draft -> refused: `main` was recorded at the first start on 2026-11-01; bring it back in the host's file, and move what is kept with `wattle link move shop cart wasi:keyvalue=BACKEND`:
    [backends.main]
    type = "nats"
    servers = ["nats://a:4222", "nats://b:4222"]
    or give up what is kept there: remove `choices/default.shop.json` from the data directory: what component `cart` keeps through `wasi:keyvalue` is in backend `main`, which is of the type `disk` now, and not of the type `nats` at nats://a:4222, nats://b:4222 as then
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    wasmcloud:messaging/consumer@0.2.0 -> backend disk (recorded): nothing links it, and `disk` was recorded at the first start on 2026-11-01
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    "#);
    // One of the servers is there still.
    let grown = "[backends.main]\ntype = 'nats'\nservers = ['nats://b', 'nats://c']";
    assert!(PLAIN.app(&host(grown, &PLAIN, then)).is_ok());
    assert!(PLAIN.app(&host(&grown.replace("//b", "//d"), &PLAIN, then)).is_err());
}

/// What is gone with the host, and what somebody wrote, is not recorded; what is recorded stays as it was.
#[test]
fn what_is_recorded() {
    let recorded = |case: &Case<'_>, text: &str| host("", case, text).recorded;
    let in_memory = "links = { 'wasi:keyvalue' = 'memory', 'wasmcloud:messaging' = 'memory' }";
    assert!(recorded(&PLAIN, in_memory).is_empty());
    assert!(recorded(&Case { lines: in_memory, ..PLAIN }, "defaults = 'nats'").is_empty());
    let first = recorded(&PLAIN, "");
    let later = HostSpec { recorded: first.clone(), ..HostSpec::parse("defaults = 'nats'").unwrap() };
    let app = PLAIN.app(&later).unwrap();
    assert_eq!(first.started(&app, &later.backends, moment(9)), first);
    insta::assert_snapshot!(first.text(&app.id), @r#"
    {
      "format": 1,
      "app": "default/shop",
      "chosen": {
        "wasi:keyvalue": {
          "by": "default",
          "by_name": false,
          "place": {
            "backend": "disk",
            "scope": "app",
            "type": "disk"
          },
          "since": "2026-11-01T07:00:00Z"
        },
        "wasmcloud:messaging": {
          "by": "default",
          "by_name": false,
          "place": {
            "backend": "disk",
            "scope": "app",
            "type": "disk"
          },
          "since": "2026-11-01T07:00:00Z"
        }
      },
      "moved": {},
      "moving": null
    }
    "#);
}

#[test]
fn as_text() {
    let app = "shop".parse().unwrap();
    let text = host("", &PLAIN, "defaults = 'nats'").recorded.text(&app);
    let check = |text: &str, expected: &str| {
        let read = Choices::parse(text.as_bytes(), &app);
        let told = read.as_ref().map_or_else(
            |error| format!("{error}: {}", error.source().map_or(String::new(), ToString::to_string)),
            |read| read.text(&app),
        );
        assert!(told.starts_with(expected), "{told}");
    };
    check(&text, &text);
    check(&text[..text.len() / 2], "it cannot be read: EOF");
    check("", "it cannot be read: EOF");
    check("\0\0\0", "it cannot be read: ");
    check(&text.replace("\"format\": 1", "\"format\": 2"), "it has format 2, and this release reads 1");
    check(&text.replace("default/shop", "default/blog"), "it is the record of the app `default/blog`");
    check(&text.replace("\"type\"", "\"kind\""), "it cannot be read: unknown field");
    check(&(text + &" ".repeat(300_000)), "it has more than 262144 bytes");
}
