//! What an app is when what it keeps is moved, and what is recorded of it.

use std::path::Path;

use chrono::{TimeZone, Utc};
use wattle_spec::app::App;
use wattle_spec::choices::Choices;
use wattle_spec::control::Moment;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::resolve::{Movable, Move, MovePlan, moved, resolve};

use crate::case::{found, offers};

const COMPONENTS: &str = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasmcloud:messaging/consumer@0.2.0 =>\n\
                          stock: 0.2 wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/atomics@0.2.0-draft =>";

const HOST: &str = "[backends.nats]\ntype = 'nats'\n[backends.all]\ntype = 'disk'\nscope = 'shared'\n\
                    [backends.vault]\ntype = 'environment'\n[backends.main]\ntype = 'disk'\n";

/// The app `shop` with these `lines`, with what is recorded of it.
fn app(lines: &str, recorded: Choices) -> (App, HostSpec) {
    let text = format!(
        "name = 'shop'\n[components.cart]\nsource = 'cart.wasm'\n{lines}\n[components.stock]\nsource = 'stock.wasm'\n"
    );
    let host = HostSpec { recorded, ..HostSpec::parse(HOST).unwrap() };
    let app = resolve(&Manifest::parse(&text).unwrap(), &found(COMPONENTS), &offers(), &host, Path::new("/")).unwrap();
    (app, host)
}

fn plan((app, host): &(App, HostSpec), component: &str, key: &str, to: &str) -> Result<MovePlan, String> {
    let movable = Movable { app, first: app, choices: &host.recorded, hosts: &host.backends };
    let change = Move { component: component.parse().unwrap(), key: key.parse().unwrap(), to: to.parse().unwrap() };
    let now = Moment(Utc.with_ymd_and_hms(2026, 11, 2, 7, 0, 0).unwrap());
    moved(movable, &change, now).map_err(|refusal| refusal.message)
}

fn links(app: &App) -> Vec<String> {
    let of = |(name, component): (_, &wattle_spec::app::ComponentSpec)| {
        let line = |link: &wattle_spec::link::Link| format!("{name} {} {} ({})", link.what, link.provider, link.rule);
        component.links.iter().map(line).collect::<Vec<_>>()
    };
    app.components.iter().flat_map(of).collect()
}

/// After a move a start resolves to what the move left, whatever chose the old place; and after the way back, too.
#[test]
fn later_starts_find_it() {
    for lines in ["", "links = { 'wasi:keyvalue' = 'disk' }"] {
        let before = app(lines, Choices::default());
        let there = plan(&before, "cart", "wasi:keyvalue", "nats").unwrap();
        assert!(links(&there.app).iter().all(|line| !line.contains("keyvalue") || line.contains("backend nats")));
        let again = app(lines, there.choices[1].clone());
        assert_eq!(links(&again.0), links(&there.app), "{lines}");
        let back = plan(&again, "stock", "wasi:keyvalue/store", "disk").unwrap();
        let at_last = app(lines, back.choices[1].clone());
        let places = |app: &App| links(app).iter().map(|line| line.split(" (").next().unwrap().to_owned()).collect();
        let (first, last): (Vec<_>, Vec<_>) = (places(&before.0), places(&at_last.0));
        assert_eq!(first, last, "{lines}");
        assert!(back.choices[1].moved.is_empty(), "{:?}", back.choices[1]);
    }
}

/// While it is moved, and if that never ends, a start finds the old place.
#[test]
fn until_it_is_done() {
    let before = app("", Choices::default());
    let during = plan(&before, "cart", "wasi:keyvalue", "nats").unwrap().choices[0].clone();
    let again = app("", during);
    assert_eq!(links(&again.0), links(&before.0));
    assert!(plan(&again, "cart", "wasi:keyvalue", "nats").unwrap().is_again);
    assert!(!plan(&again, "cart", "wasi:keyvalue", "main").unwrap().is_again);
    // Who uses the backend meanwhile has more than a copy there.
    let linked = app("links = { 'wasi:keyvalue' = 'nats' }", again.1.recorded.clone());
    let moment = Moment(Utc.with_ymd_and_hms(2026, 11, 3, 7, 0, 0).unwrap());
    assert_eq!(linked.1.recorded.started(&linked.0, &linked.1.backends, moment).moving, None);
}

/// The record has one place for links of one key: what would make it forget where the other one is, is refused.
#[test]
fn two_links_of_one_key() {
    let lines = "links = { 'wasi:keyvalue' = 'main' }\n[links]\n'wasi:keyvalue' = 'disk'";
    let first = plan(&app(lines, Choices::default()), "cart", "wasi:keyvalue", "nats").unwrap();
    let again = app(lines, first.choices[1].clone());
    let refused = plan(&again, "stock", "wasi:keyvalue", "main").unwrap_err();
    assert_eq!(refused, "`wasi:keyvalue` of component `cart` was moved before, and the record has one place for both");
}

#[test]
fn refused() {
    let plain = app("", Choices::default());
    let check = |component: &str, key: &str, to: &str, expected: &str| {
        let refused = plan(&plain, component, key, to).map(|plan| plan.to).unwrap_err();
        assert!(refused.contains(expected), "{key} to {to}: {refused}");
    };
    check("crat", "wasi:keyvalue", "nats", "has no component `crat`");
    check("cart", "wasi:blobstore", "nats", "has no link of `wasi:blobstore`");
    check("cart", "wasmcloud:messaging", "nats", "messages, which `wasmcloud:messaging` is for, cannot be moved");
    check("cart", "wasi:keyvalue", "disk", "it is in `disk` already");
    check("cart", "wasi:keyvalue", "memory", "what is in `memory` ends with the host");
    check("cart", "wasi:keyvalue", "vault", "of the type `environment`, cannot keep keys and values");
    check("cart", "wasi:keyvalue", "all", "what is in backend `all` is shared by all apps");
    check("cart", "wasi:keyvalue", "nowhere", "there is no backend `nowhere`");
    let linked = app("links = { 'wasi:keyvalue' = 'main' }", Choices::default());
    let refused = plan(&linked, "stock", "wasi:keyvalue", "main").unwrap_err();
    assert!(refused.starts_with("component `cart` keeps keys and values in `main` already"), "{refused}");
}
