//! From manifest and components to an app: links, refusals, defaults.

use std::path::Path;

use wattle_spec::fault::in_order;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::resolve::resolve;

use crate::case::{Case, check, check_imports, found, offers};
use crate::render;

/// What is wrong with an app of one component `cart`.
fn check_component(component: &str, lines: &str) -> String {
    Case { lines, components: &format!("cart: {component}"), host: "" }.faults()
}

#[test]
fn the_first_rule_that_applies() {
    let component = "components.cart.links = { 'wasi:keyvalue' = 'memory' }\n";
    let app = "[links]\n'wasi:keyvalue' = 'memory'\n";
    let host = "[links]\n'wasi:keyvalue' = 'main'\n[backends.main]\ntype = 'disk'";
    let both = format!("{component}[links]\n'wasi:keyvalue/store@0.2.0-draft' = 'disk'");
    insta::assert_snapshot!(check("", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
    insta::assert_snapshot!(check("", host), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend main (default of the host): the links of the host's file say `"wasi:keyvalue" = "main"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
    insta::assert_snapshot!(check(app, host), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the app): the app's links say `"wasi:keyvalue" = "memory"`
        else backend main (default of the host): the links of the host's file say `"wasi:keyvalue" = "main"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
    insta::assert_snapshot!(check(component, host), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend main (default of the host): the links of the host's file say `"wasi:keyvalue" = "main"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
    insta::assert_snapshot!(check(&both, host), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (link on the app): the app's links say `"wasi:keyvalue/store@0.2.0-draft" = "disk"`
        else backend main (default of the host): the links of the host's file say `"wasi:keyvalue" = "main"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
}

#[test]
fn the_most_specific_key() {
    let two = "wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/atomics@0.2.0-draft";
    let links = |links: &str| check_imports(two, &format!("components.cart.links = {{ {links} }}"), "");
    insta::assert_snapshot!(links("'wasi:keyvalue' = 'memory', 'wasi:keyvalue/store' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue/store" = "memory"`
        else backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(links("'wasi:keyvalue@0.2.0-draft' = 'memory', 'wasi:keyvalue/store' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue/store" = "memory"`
        else backend memory (link on the component): the component's links say `"wasi:keyvalue@0.2.0-draft" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue@0.2.0-draft" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(links("'wasi:keyvalue/store@0.2.0-draft' = 'disk', 'wasi:keyvalue/store' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (link on the component): the component's links say `"wasi:keyvalue/store@0.2.0-draft" = "disk"`
        else backend memory (link on the component): the component's links say `"wasi:keyvalue/store" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(links("'wasi:keyvalue@0.2.0-draft2' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    3:27 component `cart` imports nothing of `wasi:keyvalue@0.2.0-draft2`
      hint: of that package it imports `wasi:keyvalue/atomics@0.2.0-draft` and `wasi:keyvalue/store@0.2.0-draft`
    "#);
}

/// What one interface opens another one uses, so they cannot keep it in two places.
#[test]
fn a_package_in_two_backends() {
    let three = "wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/atomics@0.2.0-draft wasi:keyvalue/batch@0.2.0-draft";
    let split = |lines: &str, host: &str| check_imports(three, lines, host);
    insta::assert_snapshot!(split("components.cart.links = { 'wasi:keyvalue' = 'memory', 'wasi:keyvalue/store' = 'disk' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (link on the component): the component's links say `"wasi:keyvalue/store" = "disk"`
        else backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> refused: component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/batch@0.2.0-draft -> refused: component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    3:79 component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
      hint: its interfaces share what they open: link all of `wasi:keyvalue` to one of the two, as in
      hint: links = { "wasi:keyvalue" = "disk" }
    "#);
    insta::assert_snapshot!(split("components.cart.links = { 'wasi:keyvalue/batch' = 'memory' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/batch@0.2.0-draft -> refused: component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    3:51 component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
      hint: its interfaces share what they open: link all of `wasi:keyvalue` to one of the two, as in
      hint: links = { "wasi:keyvalue" = "disk" }
    "#);
    insta::assert_snapshot!(split("", "[links]\n'wasi:keyvalue/atomics' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> refused: component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/batch@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    2:21 component `cart` keeps `wasi:keyvalue` in two backends, `disk` and `memory`
      hint: its interfaces share what they open: link all of `wasi:keyvalue` to one of the two, as in
      hint: links = { "wasi:keyvalue" = "disk" }
    "#);
}

#[test]
fn a_package_means_what_keeps_state() {
    let two = "wasmcloud:keyvalue/types@0.2.0 wasmcloud:keyvalue/store@0.2.0";
    let links = |links: &str| check_imports(two, &format!("components.cart.links = {{ {links} }}"), "");
    insta::assert_snapshot!(links("'wasmcloud:keyvalue' = 'memory'"), @r#"
    cart wasmcloud:keyvalue/types@0.2.0 -> built-in (built-in): the host implements it and it keeps no state
    cart wasmcloud:keyvalue/store@0.2.0 -> backend memory (link on the component): the component's links say `"wasmcloud:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(links("'wasmcloud:keyvalue/types' = 'memory'"), @r#"
    cart wasmcloud:keyvalue/types@0.2.0 -> refused: `wasmcloud:keyvalue/types` keeps no state, so it cannot be linked to backend `memory`
        else built-in (built-in): the host implements it and it keeps no state
    cart wasmcloud:keyvalue/store@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    3:56 `wasmcloud:keyvalue/types` keeps no state, so it cannot be linked to backend `memory`
      hint: remove the link from the manifest: the host implements `wasmcloud:keyvalue/types` itself
    "#);
    insta::assert_snapshot!(check("", "links.'wasi:http' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> refused: `wasi:http` keeps no state, so it cannot be linked to backend `memory`
        else built-in (built-in): the host implements it and it keeps no state
    2:7 `wasi:http` keeps no state, so it cannot be linked to backend `memory`
      hint: remove the link from host.toml: the host implements `wasi:http` itself
    "#);
}

#[test]
fn backends() {
    let link = |lines: &str| check(&format!("components.cart.links = {{ 'wasi:keyvalue' = 'orders' }}\n{lines}"), "");
    insta::assert_snapshot!(link("[backends.orders]\ntype = 'disk'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend orders (link on the component): the component's links say `"wasi:keyvalue" = "orders"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
    insta::assert_snapshot!(link(""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: there is no backend `orders`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:45 there is no backend `orders`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.orders]
      hint: type = "disk"
    "#);
    insta::assert_snapshot!(link("[backends.order]\ntype = 'disk'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: there is no backend `orders`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:45 there is no backend `orders`
      hint: did you mean `order`?
    "#);
    insta::assert_snapshot!(link("[components.orders]\nsource = 'orders.wasm'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> component orders (apart) (link on the component): the component's links say `"wasi:keyvalue" = "orders"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    5:10 there are no bytes for component `orders`
    "#);
    insta::assert_snapshot!(check("[backends.disk]\ntype = 'disk'\nscope = 'shared'", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    "#);
}

#[test]
fn links_that_link_nothing() {
    insta::assert_snapshot!(check("components.cart.links = { 'wasi:blobstore' = 'disk' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:27 component `cart` imports nothing of `wasi:blobstore`
      hint: the imports are of `wasi:http` and `wasi:keyvalue`
    "#);
    insta::assert_snapshot!(check("components.cart.links = { 'wasi:keyvaluee' = 'disk' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:27 component `cart` imports nothing of `wasi:keyvaluee`
      hint: did you mean `wasi:keyvalue`?
    "#);
    insta::assert_snapshot!(check("components.cart.links = { 'wasi:keyvalue/batch' = 'disk' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:27 component `cart` imports nothing of `wasi:keyvalue/batch`
      hint: of that package it imports `wasi:keyvalue/store@0.2.0-draft`
    "#);
    insta::assert_snapshot!(check("links = { 'wasi:blobstore' = 'disk' }", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:11 no component imports anything of `wasi:blobstore`
      hint: the imports are of `wasi:http` and `wasi:keyvalue`
    "#);
    insta::assert_snapshot!(check_imports("", "components.cart.links = { 'wasi:keyvalue' = 'disk' }", ""), @"
    3:27 component `cart` imports nothing of `wasi:keyvalue`
      hint: it imports no interfaces at all; remove the link
    ");
}

#[test]
fn refused_imports() {
    insta::assert_snapshot!(check_imports("wasi:keyvalue/store@0.2.0", "", ""), @"
    cart wasi:keyvalue/store@0.2.0 -> refused: component `cart` imports `wasi:keyvalue/store@0.2.0`, which nothing here provides
    2:26 component `cart` imports `wasi:keyvalue/store@0.2.0`, which nothing here provides
      hint: the host has `wasi:keyvalue/store@0.2.0-draft`: build the component against that version
    ");
    insta::assert_snapshot!(check_imports("wasi:keyvalue/stor@0.2.0-draft wasi:http/typs@0.2.3", "", ""), @"
    cart wasi:keyvalue/stor@0.2.0-draft -> refused: component `cart` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
    cart wasi:http/typs@0.2.3 -> refused: component `cart` imports `wasi:http/typs@0.2.3`, which nothing here provides
    2:26 component `cart` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
      hint: did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`
    2:26 component `cart` imports `wasi:http/typs@0.2.3`, which nothing here provides
      hint: did you mean `wasi:http/types@0.2.12`? build the component against that, or compose a component that exports `wasi:http/typs@0.2.3` into this one, as with `wac plug`
    ");
    insta::assert_snapshot!(check_imports("wasi:keyvalue/watcher@0.2.0-draft", "", ""), @"
    cart wasi:keyvalue/watcher@0.2.0-draft -> refused: component `cart` imports `wasi:keyvalue/watcher@0.2.0-draft`, which nothing here provides
    2:26 component `cart` imports `wasi:keyvalue/watcher@0.2.0-draft`, which nothing here provides
      hint: of `wasi:keyvalue` the host has `wasi:keyvalue/atomics@0.2.0-draft`, `wasi:keyvalue/batch@0.2.0-draft` and `wasi:keyvalue/store@0.2.0-draft`: build the component against those, or compose a component that exports `wasi:keyvalue/watcher@0.2.0-draft` into this one, as with `wac plug`
    ");
    insta::assert_snapshot!(check_imports("wasi:clock/wall-clock@0.2.12", "", ""), @"
    cart wasi:clock/wall-clock@0.2.12 -> refused: component `cart` imports `wasi:clock/wall-clock@0.2.12`, which nothing here provides
    2:26 component `cart` imports `wasi:clock/wall-clock@0.2.12`, which nothing here provides
      hint: did you mean `wasi:clocks/wall-clock@0.2.12`? build the component against that, or compose a component that exports `wasi:clock/wall-clock@0.2.12` into this one, as with `wac plug`
    ");
    insta::assert_snapshot!(check_imports("acme:billing/ledger@1.0.0", "", ""), @r#"
    cart acme:billing/ledger@1.0.0 -> refused: component `cart` imports `acme:billing/ledger@1.0.0`, which nothing here provides
    2:26 component `cart` imports `acme:billing/ledger@1.0.0`, which nothing here provides
      hint: the host provides `wasi:clocks@0.2.12`, `wasi:config@0.2.0-rc.1`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:logging@0.1.0-draft`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
      hint: [components.billing]
      hint: source = "billing.wasm"
    "#);
    insta::assert_snapshot!(check_imports("frobnicate", "", ""), @"
    cart frobnicate -> refused: component `cart` imports `frobnicate`, which nothing here provides
    2:26 component `cart` imports `frobnicate`, which nothing here provides
      hint: a host provides interfaces, such as wasi:keyvalue/store, and no names without a package
    ");
    insta::assert_snapshot!(check_component("module wasi_snapshot_preview1.fd_write env.abort wasi_unstable.fd_read =>", ""), @"
    2:26 core module `cart` imports `env.abort`, which nothing here provides
      hint: a core module gets the functions of wasi_snapshot_preview1 and no others
    2:26 core module `cart` imports `wasi_unstable.fd_read`, which nothing here provides
      hint: that is WASI from before preview 1: build it with a newer toolchain
    ");
}

#[test]
fn triggers() {
    let answers =
        |component: &str| check_component(component, "triggers.http = [{ path = '/...', component = 'cart' }]");
    insta::assert_snapshot!(answers("0.2 => wasi:http/incoming-handler@0.2.9"), @"");
    insta::assert_snapshot!(answers("0.3 => wasi:http/handler@0.3.2"), @"");
    insta::assert_snapshot!(answers("0.3 => wasi:http/handler@0.3.0-rc-2026-01-01"), @"
    3:47 component `cart` does not answer HTTP requests
      hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports `wasi:http/handler@0.3.0-rc-2026-01-01`
    ");
    insta::assert_snapshot!(answers("0.2 => wasi:cli/run@0.2.0 extra"), @"
    3:47 component `cart` does not answer HTTP requests
      hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports `wasi:cli/run@0.2.0` and `extra`
    ");
    insta::assert_snapshot!(answers("0.2 =>"), @"
    3:47 component `cart` does not answer HTTP requests
      hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports nothing
    ");
    insta::assert_snapshot!(answers("module => _start"), @"
    3:47 `cart` is a core module, and only a component can answer HTTP requests
      hint: build it with `--target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`
    ");
}

#[test]
fn bytes_that_nobody_brought() {
    let case = Case { lines: "links = { 'wasi:blobstore' = 'disk' }", components: "other: 0.2 =>", host: "" };
    insta::assert_snapshot!(case.faults(), @"2:26 there are no bytes for component `cart`");
}

/// How instances of `cart` are kept, or what is wrong.
fn policy(component: &str, instances: &str) -> String {
    let lines = format!("components.cart.instances = {{ {instances} }}");
    let case = Case { lines: &lines, components: &format!("cart: {component} =>"), host: "" };
    let (manifest, found) = (Manifest::parse(&case.text()).unwrap(), found(case.components));
    match resolve(&manifest, &found, &offers(), &HostSpec::default(), Path::new("/app")) {
        Ok(app) => {
            let policy = app.components.values().next().unwrap().instances;
            format!("reuse {}, {} at a time, idle {:?}", policy.reuse, policy.concurrency, policy.idle)
        }
        Err(faults) => render(&case.text(), &faults),
    }
}

#[test]
fn instances() {
    insta::assert_snapshot!(policy("0.2", ""), @"reuse 1, 1 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.2", "reuse = 100, idle = '1s'"), @"reuse 100, 1 at a time, idle 1s");
    insta::assert_snapshot!(policy("0.2", "concurrency = 1"), @"reuse 1, 1 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.2", "concurrency = 2"), @"
    3:45 only a component of WASI 0.3 serves several requests at a time
      hint: remove `concurrency`: requests at the same time get an instance each
    ");
    insta::assert_snapshot!(policy("module", "concurrency = 2"), @"
    3:45 only a component of WASI 0.3 serves several requests at a time
      hint: remove `concurrency`: requests at the same time get an instance each
    ");
    insta::assert_snapshot!(policy("0.3", ""), @"reuse 1000, 16 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.3", "concurrency = 64"), @"reuse 1000, 64 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.3", "reuse = 4"), @"reuse 4, 4 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.3", "reuse = 4, concurrency = 8"), @"
    3:56 an instance that serves 4 requests cannot serve 8 at a time
      hint: write `reuse = 8` or more
    ");
    insta::assert_snapshot!(policy("0.3 wasi:keyvalue/store@0.2.0-draft", ""), @"reuse 1000, 1 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.3 wasi:keyvalue/store@0.2.0-draft", "concurrency = 8"), @"reuse 1000, 8 at a time, idle 10s");
    insta::assert_snapshot!(policy("0.3 wasmcloud:keyvalue/store@0.2.0", ""), @"reuse 1000, 16 at a time, idle 10s");
}

#[test]
fn a_whole_app() {
    let lines = "
        triggers.http = [{ host = 'Shop.example', path = '/cart/...', component = 'cart' },
            { path = '/...', files = 'public' }]
        backends.orders = { type = 'memory', scope = 'shared' }
        limits = { concurrent-requests = 7 }
        [components.cart]
        source = 'cart.wasm'
        config = { currency = 'EUR' }
        env = { LANG = 'C' }
        limits = { memory = '1MiB' }
        mounts = [{ host = 'data', guest = '/data' }, { host = '/srv/in', guest = '/in', access = 'read-write' }]";
    let manifest = Manifest::parse(&format!("name = 'shop'\n{lines}")).unwrap();
    let found = found("cart: 0.2 wasi:keyvalue/store@0.2.0-draft => wasi:http/incoming-handler@0.2.0");
    let app = resolve(&manifest, &found, &offers(), &HostSpec::default(), Path::new("/app")).unwrap();
    let cart = app.components.values().next().unwrap();
    let lines = [
        app.id.to_string(),
        format!("{:?}", app.routes),
        format!("{:?}", app.backends),
        format!("{:?}", app.limits),
        format!("{:?} {:?} {}", cart.config, cart.env, cart.limits.memory),
        format!("{:?}", cart.mounts),
        format!("{:?}", cart.links),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    default/shop
    [HttpRoute { host: Some("shop.example"), path: Prefix("/cart"), target: Component(ComponentName("cart")) }, HttpRoute { host: None, path: Prefix(""), target: Files("/app/public") }]
    {BackendName("orders"): BackendSpec { engine: Memory, scope: Shared, quota: Quota { keys: None, bytes: None } }}
    AppLimits { concurrent_requests: 7, queue_time: 1s, concurrent_calls: 1024, cron_runs: 16, cron_backlog: 16, outgoing_requests: 256, outgoing_connections: 256, outgoing_idle_timeout: 10s }
    {"currency": "EUR"} {"LANG": "C"} 1MiB
    [Mount { host: "/app/data", guest: "/data", access: Read }, Mount { host: "/srv/in", guest: "/in", access: ReadWrite }]
    [Link { what: Import(Interface(Interface { namespace: "wasi", package: "keyvalue", name: Some("store"), version: Some(Version { major: 0, minor: 2, patch: 0, pre: Prerelease("draft") }) })), state: Some(KeyValue), is_concurrent: false, provider: Backend(BackendName("disk")), rule: BuiltIn, reason: "nothing links it, and `defaults = \"dev\"` of the host keeps keys and values in `disk`", others: [] }]
    "#);
}

#[test]
fn two_mounts_at_one_place() {
    let mounts = "components.cart.mounts = [{ host = 'a', guest = '/data' }, { host = 'b', guest = '/data/' }]";
    insta::assert_snapshot!(check_component("0.2 =>", mounts), @"
    3:82 two directories are mounted at `/data`
      3:49 the first is here
      hint: mount each at a path of its own
    ");
}

/// The faults of a manifest whose text has faults too.
fn check_lenient(text: &str, components: &str) -> String {
    let (manifest, mut faults) = Manifest::parse_lenient(text);
    let host = HostSpec::default();
    let resolved = resolve(&manifest.unwrap(), &found(components), &offers(), &host, Path::new("/app"));
    faults.extend(resolved.err().unwrap_or_default());
    render(text, &in_order(faults))
}

#[test]
fn faults_of_the_text_hide_none_of_the_app() {
    let text = "name = 'A B'
[components.cart]
source = 'cart.wasm'
sorce = 1
instances = { reuse = 0, concurrency = 4 }
links = { 'wasi:keyvalue' = 'orders' }
mounts = [{ host = 'a', guest = '/data' }, { host = 'b', guest = '/data' }]
[links]
'wasi:http' = 'nowhere'";
    let cart = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasi:http/types@0.2.3 acme:billing/ledger@1.0.0 =>";
    insta::assert_snapshot!(check_lenient(text, cart), @r#"
    1:8 a name is made of lower-case letters, digits and inner hyphens, 'A' is not
      hint: write `a-b`
    3:10 component `cart` imports `acme:billing/ledger@1.0.0`, which nothing here provides
      hint: the host provides `wasi:clocks@0.2.12`, `wasi:config@0.2.0-rc.1`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:logging@0.1.0-draft`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
      hint: [components.billing]
      hint: source = "billing.wasm"
    4:1 unknown key `sorce` in `components.cart`
      hint: did you mean `source`?
    5:23 `components.cart.instances.reuse` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    5:40 only a component of WASI 0.3 serves several requests at a time
      hint: remove `concurrency`: requests at the same time get an instance each
    6:29 there is no backend `orders`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.orders]
      hint: type = "disk"
    7:66 two directories are mounted at `/data`
      7:33 the first is here
      hint: mount each at a path of its own
    9:15 `wasi:http` keeps no state, so it cannot be linked to backend `nowhere`
      hint: remove the link from the manifest: the host implements `wasi:http` itself
    "#);
}

/// A table that is cut out for its own fault is still there for those who name it.
#[test]
fn faults_that_follow_from_others_are_not_told() {
    let text = "name = 'shop'
links = { 'wasi:config' = 'disk' }
[[triggers.http]]
path = '/'
component = 'other'
[components.other]
source = ''
[components.cart]
source = 'cart.wasm'
links = { 'wasi:keyvalue' = 'orders' }
[backends.orders]
type = 'redis'";
    insta::assert_snapshot!(check_lenient(text, "cart: 0.2 wasi:keyvalue/store@0.2.0-draft =>"), @r#"
    7:10 a source must not be empty
      hint: write the path of a .wasm file, or a reference as in `ghcr.io/shop/cart:1.0`
    12:8 "redis" is none of `memory`, `disk`, `nats`, `environment` and `files`
    "#);
}

const ALL_KINDS_OF_STATE: &str = "wasi:keyvalue/store@0.2.0-draft wasmcloud:messaging/consumer@0.2.0 \
     wasmcloud:secrets/store@2.1.0 wasi:logging/logging@0.1.0-draft";

#[test]
fn sets_of_defaults() {
    insta::assert_snapshot!(check_imports(ALL_KINDS_OF_STATE, "", "defaults = 'dev'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    "#);
    insta::assert_snapshot!(check_imports(ALL_KINDS_OF_STATE, "", "defaults = 'nats'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps keys and values in `nats`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps messages in `nats`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps log lines in `nats`
    "#);
    let one = "defaults = 'nats'\n[links]\n'wasi:keyvalue' = 'disk'";
    insta::assert_snapshot!(check_imports(ALL_KINDS_OF_STATE, "", one), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (default of the host): the links of the host's file say `"wasi:keyvalue" = "disk"`
        else backend nats (default of the host): `defaults = "nats"` of the host keeps keys and values in `nats`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps messages in `nats`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> backend nats (default of the host): nothing links it, and `defaults = "nats"` of the host keeps log lines in `nats`
    "#);
}

#[test]
fn what_is_switched_off() {
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'disk'", "off = ['wasi:keyvalue']"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: component `cart` imports `wasi:keyvalue/store@0.2.0-draft`, which this host does not give to apps
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    2:26 component `cart` imports `wasi:keyvalue/store@0.2.0-draft`, which this host does not give to apps
      hint: the host's file switches it off with `off = ["wasi:keyvalue"]`: ask its operator, or use another host
    "#);
    insta::assert_snapshot!(check("", "off = ['wasi:http/types@0.2.0', 'wasi:logging']"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> refused: component `cart` imports `wasi:http/types@0.2.3`, which this host does not give to apps
    2:26 component `cart` imports `wasi:http/types@0.2.3`, which this host does not give to apps
      hint: the host's file switches it off with `off = ["wasi:http/types@0.2.0"]`: ask its operator, or use another host
    "#);
}

#[test]
fn backends_that_cannot_keep_it() {
    let link = |package: &str, lines: &str| {
        let host = format!("[backends.main]\n{lines}");
        check_imports(ALL_KINDS_OF_STATE, &format!("[links]\n'{package}' = 'main'"), &host)
    };
    insta::assert_snapshot!(link("wasi:keyvalue", "type = 'environment'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: backend `main`, which is of the type `environment`, cannot keep keys and values
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    4:19 backend `main`, which is of the type `environment`, cannot keep keys and values
      hint: link `wasi:keyvalue` to a backend of a type that can: `memory`, `disk` and `nats`
    "#);
    insta::assert_snapshot!(link("wasi:logging", "type = 'disk'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> refused: backend `main`, which is of the type `disk`, cannot keep log lines
        else built-in (built-in): the host implements it without a backend
    4:18 backend `main`, which is of the type `disk`, cannot keep log lines
      hint: link `wasi:logging` to a backend of a type that can: `nats`
    "#);
    insta::assert_snapshot!(link("wasmcloud:secrets", "type = 'files'\ndirectory = 'secrets'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:secrets/store@2.1.0 -> backend main (link on the app): the app's links say `"wasmcloud:secrets" = "main"`
        else built-in (built-in): the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    "#);
    insta::assert_snapshot!(link("wasmcloud:messaging", "type = 'nats'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasmcloud:messaging/consumer@0.2.0 -> backend main (link on the app): the app's links say `"wasmcloud:messaging" = "main"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    cart wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    "#);
}
