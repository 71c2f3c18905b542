//! Components as providers of each other's imports: links to them, siblings, and what cannot be called.

use std::fmt::Write;

use wattle_spec::host_file::HostSpec;

use crate::case::Case;

/// The links of an app of `components`, of which `cart` and `pricing` are in the manifest, beside `lines`.
fn check(components: &str, lines: &str) -> String {
    let lines = format!("components.pricing.source = 'pricing.wasm'\n{lines}");
    Case { lines: &lines, components, host: "" }.links()
}

/// Those of a `cart` that imports a quote and of a `pricing` that exports one.
fn check_link(link: &str) -> String {
    let components = "cart: 0.2 acme:pricing/quote@1.0.0 =>\npricing: 0.2 => acme:pricing/quote@1.2.0";
    check(components, &format!("components.cart.links = {{ {link} }}"))
}

#[test]
fn links_to_components() {
    insta::assert_snapshot!(check_link("'acme:pricing' = 'pricing'"), @r#"
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (link on the component): the component's links say `"acme:pricing" = "pricing"`
        else component pricing (apart) (sibling): `pricing` exports it
    "#);
    insta::assert_snapshot!(check_link("'acme:pricing/quote' = { to = 'pricing', mode = 'apart' }"), @r#"
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (link on the component): the component's links say `"acme:pricing/quote" = { to = "pricing", mode = "apart" }`
        else component pricing (apart) (sibling): `pricing` exports it
    "#);
    insta::assert_snapshot!(check_link("'acme:pricing' = { to = 'pricing', mode = 'together' }"), @r#"
    cart acme:pricing/quote@1.0.0 -> component pricing (together) (link on the component): the component's links say `"acme:pricing" = { to = "pricing", mode = "together" }`
        else component pricing (apart) (sibling): `pricing` exports it
    "#);
    insta::assert_snapshot!(check_link("'acme:pricing' = 'pricng'"), @"
    cart acme:pricing/quote@1.0.0 -> refused: there is no component `pricng`
        else component pricing (apart) (sibling): `pricing` exports it
    4:44 there is no component `pricng`
      hint: did you mean `pricing`?
    ");
    insta::assert_snapshot!(check_link("'acme:pricing' = 'warehouse'"), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: there is no component `warehouse`
        else component pricing (apart) (sibling): `pricing` exports it
    4:44 there is no component `warehouse`
      hint: to have one, add:
      hint: [components.warehouse]
      hint: source = "warehouse.wasm"
    "#);
    insta::assert_snapshot!(check_link("'acme:pricing' = 'cart'"), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` cannot be linked to itself
        else component pricing (apart) (sibling): `pricing` exports it
    4:44 component `cart` cannot be linked to itself
      hint: link to a backend, or to another component
    ");
    insta::assert_snapshot!(check_link("'acme:pricing' = 'memory'"), @"
    cart acme:pricing/quote@1.0.0 -> refused: `acme:pricing` cannot be linked to backend `memory`: the host implements nothing of it
        else component pricing (apart) (sibling): `pricing` exports it
    4:44 `acme:pricing` cannot be linked to backend `memory`: the host implements nothing of it
      hint: `pricing` exports it: link to that
    ");
    insta::assert_snapshot!(check_link("'acme:pricing/quote' = 'memory'"), @"
    cart acme:pricing/quote@1.0.0 -> refused: `acme:pricing/quote` cannot be linked to backend `memory`: the host implements nothing of it
        else component pricing (apart) (sibling): `pricing` exports it
    4:50 `acme:pricing/quote` cannot be linked to backend `memory`: the host implements nothing of it
      hint: `pricing` exports it: link to that
    ");
    insta::assert_snapshot!(check_link("'acme:pricing#fast' = 'pricing'"), @"
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
    4:27 component `cart` imports nothing of `acme:pricing#fast`
      hint: nothing of `acme:pricing` has a name that could be `fast`: write `acme:pricing`
    ");
    insta::assert_snapshot!(check_link("'acme:pricing' = 'pricing' }\nbackends.pricing = { type = 'memory'"), @"
    cart acme:pricing/quote@1.0.0 -> refused: `pricing` is a component and a backend, and a link to it could mean either
        else component pricing (apart) (sibling): `pricing` exports it
    4:44 `pricing` is a component and a backend, and a link to it could mean either
      hint: give one of the two another name
    ");
}

/// What a link to a backend says must not be lost on a component, and the other way round.
#[test]
fn links_of_what_the_host_has() {
    let store = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasi:logging/logging@0.1.0-draft =>\n\
                 pricing: 0.2 wasi:logging/logging@0.1.0-draft => wasi:logging/logging@0.1.0-draft";
    insta::assert_snapshot!(check(store, ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:logging/logging@0.1.0-draft -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else built-in (built-in): the host implements it without a backend
    pricing wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    "#);
    insta::assert_snapshot!(check(store, "[links]\n'wasi:logging' = 'pricing'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:logging/logging@0.1.0-draft -> component pricing (apart) (link on the app): the app's links say `"wasi:logging" = "pricing"`
        else component pricing (apart) (sibling): `pricing` exports it
        else built-in (built-in): the host implements it without a backend
    pricing wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    "#);
    insta::assert_snapshot!(check(store, "components.cart.links = { 'wasi:keyvalue' = 'pricing' }"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: component `pricing` does not export `wasi:keyvalue/store@0.2.0-draft`, which `cart` imports
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:logging/logging@0.1.0-draft -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else built-in (built-in): the host implements it without a backend
    pricing wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    4:45 component `pricing` does not export `wasi:keyvalue/store@0.2.0-draft`, which `cart` imports
      hint: it exports `wasi:logging/logging@0.1.0-draft`
    "#);
    insta::assert_snapshot!(check(
        store,
        "components.cart.links = { 'wasi:keyvalue' = { to = 'memory', mode = 'apart' } }"
    ), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> refused: `memory` is a backend, and only components are called in a mode
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:logging/logging@0.1.0-draft -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else built-in (built-in): the host implements it without a backend
    pricing wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    4:69 `memory` is a backend, and only components are called in a mode
      hint: remove `mode`
    "#);
    insta::assert_snapshot!(check(store, "components.cart.links = { 'wasi:keyvalue#carts' = 'pricing' }"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:logging/logging@0.1.0-draft -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else built-in (built-in): the host implements it without a backend
    cart wasi:keyvalue#carts -> refused: what is opened by the name `carts` is kept in a backend, and `pricing` is a component
    pricing wasi:logging/logging@0.1.0-draft -> built-in (built-in): nothing links it, and the host implements it without a backend
    4:51 what is opened by the name `carts` is kept in a backend, and `pricing` is a component
      hint: link the name to a backend
    "#);
}

#[test]
fn siblings() {
    let quote = "cart: 0.2 acme:pricing/quote@1.0.0 =>";
    let pricing = |exports: &str| format!("{quote}\npricing: 0.2 => {exports}");
    let tax = "components.tax.source = 'tax.wasm'";
    insta::assert_snapshot!(check(&pricing("acme:pricing/quote@1.2.0"), ""), @"cart acme:pricing/quote@1.0.0 -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it");
    insta::assert_snapshot!(check(
        &format!("{}\ntax: 0.3 => acme:pricing/quote@1.0.0", pricing("acme:pricing/quote@1.0.0")),
        tax
    ), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` imports `acme:pricing/quote@1.0.0`, which `pricing` and `tax` export
    2:26 component `cart` imports `acme:pricing/quote@1.0.0`, which `pricing` and `tax` export
      hint: say which is meant, as in
      hint: links = { "acme:pricing/quote" = "pricing" }
    "#);
    insta::assert_snapshot!(check(&pricing("acme:pricing/quote@2.0.0"), ""), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
    2:26 component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
      hint: `pricing` exports `acme:pricing/quote@2.0.0`: build one of the two for the version of the other
    ");
    insta::assert_snapshot!(check(&pricing("acme:pricing/quota@1.0.0"), ""), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
    2:26 component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
      hint: did you mean `acme:pricing/quota@1.0.0`, which `pricing` exports? build the component against that
    ");
    insta::assert_snapshot!(check(&pricing("wasi:http/incoming-handler@0.2.0"), ""), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
    2:26 component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
      hint: the host provides `wasi:clocks@0.2.12`, `wasi:config@0.2.0-rc.1`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:logging@0.1.0-draft`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
      hint: [components.quote]
      hint: source = "quote.wasm"
    "#);
    insta::assert_snapshot!(check(
        "cart: 0.2 acme:pricing/quote@1.0.0 => acme:pricing/quote@1.0.0\npricing: 0.2 =>",
        ""
    ), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
    2:26 component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
      hint: the host provides `wasi:clocks@0.2.12`, `wasi:config@0.2.0-rc.1`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:logging@0.1.0-draft`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
      hint: [components.quote]
      hint: source = "quote.wasm"
    "#);
    // One that cannot be read may export it, so that nothing is said; of what the host has, everything is known.
    insta::assert_snapshot!(check(quote, ""), @"
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (sibling): nothing links it, and `pricing`, which could not be read, may export it
    3:29 there are no bytes for component `pricing`
    ");
    insta::assert_snapshot!(check("cart: 0.2 wasi:keyvalue/stor@0.2.0-draft =>", ""), @"
    cart wasi:keyvalue/stor@0.2.0-draft -> refused: component `cart` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
    2:26 component `cart` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
      hint: did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`
    3:29 there are no bytes for component `pricing`
    ");
}

#[test]
fn labelled_imports() {
    let quotes = "cart: 0.2 acme:pricing/quote@1.0.0#fast acme:pricing/quote@1.0.0#exact =>\n\
                  pricing: 0.2 => acme:pricing/quote@1.0.0";
    insta::assert_snapshot!(check(quotes, "components.cart.links = { 'acme:pricing#fast' = 'pricing' }"), @r#"
    cart acme:pricing/quote@1.0.0#fast -> component pricing (apart) (link on the component): the component's links say `"acme:pricing#fast" = "pricing"`
    cart acme:pricing/quote@1.0.0#exact -> refused: component `cart` imports `acme:pricing/quote@1.0.0` as `exact`, which nothing here provides
    2:26 component `cart` imports `acme:pricing/quote@1.0.0` as `exact`, which nothing here provides
      hint: `pricing` exports it, and an import with a name of its own gets that by a link:
      hint: links = { "acme:pricing/quote#exact" = "pricing" }
    "#);
    insta::assert_snapshot!(check(quotes, "components.cart.links = { 'acme:pricing' = 'pricing' }"), @r#"
    cart acme:pricing/quote@1.0.0#fast -> component pricing (apart) (link on the component): the component's links say `"acme:pricing" = "pricing"`
    cart acme:pricing/quote@1.0.0#exact -> component pricing (apart) (link on the component): the component's links say `"acme:pricing" = "pricing"`
    "#);
}

/// An interface of types alone is imported by whoever uses them, and exported by nobody.
#[test]
fn types() {
    let quote = "cart: 0.2 acme:pricing/types@1.0.0? acme:pricing/quote@1.0.0 =>\n\
                 pricing: 0.2 acme:pricing/types@1.0.0? => acme:pricing/quote@1.0.0";
    insta::assert_snapshot!(check(quote, ""), @"
    cart acme:pricing/types@1.0.0 -> built-in (built-in): it has types alone, so there is nothing to provide
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
    pricing acme:pricing/types@1.0.0 -> built-in (built-in): it has types alone, so there is nothing to provide
    ");
    insta::assert_snapshot!(check(quote, "links = { 'acme:pricing' = 'pricing' }"), @r#"
    cart acme:pricing/types@1.0.0 -> built-in (built-in): it has types alone, so there is nothing to provide
    cart acme:pricing/quote@1.0.0 -> component pricing (apart) (link on the app): the app's links say `"acme:pricing" = "pricing"`
        else component pricing (apart) (sibling): `pricing` exports it
    pricing acme:pricing/types@1.0.0 -> built-in (built-in): it has types alone, so there is nothing to provide
    "#);
}

#[test]
fn what_cannot_be_called() {
    let pricing = |exports: &str| format!("cart: 0.2 acme:pricing/quote@1.0.0 =>\npricing: {exports}");
    let linked = "components.cart.links = { 'acme:pricing' = 'pricing' }";
    insta::assert_snapshot!(check(&pricing("0.2 => acme:pricing/quote@1.0.0!"), ""), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: `acme:pricing/quote@1.0.0` of component `pricing` passes resources, and only plain values go from one instance to another
    2:26 `acme:pricing/quote@1.0.0` of component `pricing` passes resources, and only plain values go from one instance to another
      hint: let them share one, as in
      hint: links = { "acme:pricing/quote" = { to = "pricing", mode = "together" } }
    "#);
    insta::assert_snapshot!(check(&pricing("0.2 => acme:pricing/quote@1.0.0!"), linked), @r#"
    cart acme:pricing/quote@1.0.0 -> refused: `acme:pricing/quote@1.0.0` of component `pricing` passes resources, and only plain values go from one instance to another
        else refused (sibling): `pricing` exports it
    4:44 `acme:pricing/quote@1.0.0` of component `pricing` passes resources, and only plain values go from one instance to another
      hint: let them share one, as in
      hint: links = { "acme:pricing/quote" = { to = "pricing", mode = "together" } }
    "#);
    insta::assert_snapshot!(check(&pricing("0.2 => acme:pricing/qoute@1.0.0 acme:pricing/tax@1.0.0"), linked), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
    4:44 component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
      hint: did you mean `acme:pricing/qoute@1.0.0`? it exports `acme:pricing/qoute@1.0.0` and `acme:pricing/tax@1.0.0`
    ");
    insta::assert_snapshot!(check(&pricing("0.2 => acme:pricing/quote@2.0.0"), linked), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
    4:44 component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
      hint: it exports `acme:pricing/quote@2.0.0`: build one of the two for the version of the other
    ");
    insta::assert_snapshot!(check(&pricing("module => quote"), linked), @"
    cart acme:pricing/quote@1.0.0 -> refused: component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
    4:44 component `pricing` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
      hint: it exports no interfaces
    ");
}

#[test]
fn services() {
    let check = |kind: &str| {
        let run = format!("wasi:cli/run@{kind}.0 acme:pricing/quote@1.0.0");
        let components = format!("cart: 0.2 acme:pricing/quote@1.0.0 =>\nprices: {kind} => {run}");
        Case { lines: "services.prices.source = 'prices.wasm'", components: &components, host: "" }.links()
    };
    insta::assert_snapshot!(check("0.3"), @"cart acme:pricing/quote@1.0.0 -> component prices (apart) (sibling): nothing links it, and `prices` exports it");
    insta::assert_snapshot!(check("0.2"), @"
    cart acme:pricing/quote@1.0.0 -> refused: the service `prices` cannot be called for `acme:pricing/quote@1.0.0`: it runs, and of WASI 0.2 an instance does one thing at a time
    2:26 the service `prices` cannot be called for `acme:pricing/quote@1.0.0`: it runs, and of WASI 0.2 an instance does one thing at a time
      hint: build it for WASI 0.3, or export the interface from a component that is no service
    ");
}

/// Components `c1`, `c2` ... that each call the next, and what of them is told beside their number.
fn chain(length: usize) -> String {
    let (mut lines, mut components) = (String::new(), "cart: 0.2 acme:chain/c1 =>\n".to_owned());
    for step in 1..length {
        writeln!(lines, "components.c{step}.source = 'c.wasm'").unwrap();
        let next = if step + 1 < length { format!("acme:chain/c{}", step + 1) } else { String::new() };
        writeln!(components, "c{step}: 0.2 {next} => acme:chain/c{step}").unwrap();
    }
    Case { lines: &lines, components: components.trim_end(), host: "" }.faults()
}

/// Handles pass where components share an instance. A service has its own, and one of 0.2 is on another engine than one of
/// 0.3.
#[test]
fn together() {
    let check = |cart: &str, pricing: &str, kind: &str| {
        let components = format!("cart: {cart} acme:pricing/quote@1.0.0 =>\nprices: {pricing}");
        let lines = format!(
            "{kind}.prices.source = 'prices.wasm'\n\
             components.cart.links = {{ 'acme:pricing' = {{ to = 'prices', mode = 'together' }} }}"
        );
        Case { lines: &lines, components: &components, host: "" }.faults()
    };
    assert_eq!(check("0.2", "0.2 => acme:pricing/quote@1.0.0!", "components"), "");
    assert_eq!(check("0.3", "0.2 => acme:pricing/quote@1.0.0", "components"), "");
    insta::assert_snapshot!(check("0.2", "0.3 => acme:pricing/quote@1.0.0", "components"), @r#"
    4:51 `prices` is of WASI 0.3 and `cart` of 0.2, and such two cannot be called together
      hint: write `mode = "apart"`, or build both for the same version
    "#);
    insta::assert_snapshot!(check("0.3", "0.3 => acme:pricing/quote@1.0.0", "services"), @r#"
    3:10 `prices` is no command, and only a command can run by itself
      hint: it must export wasi:cli/run, or as a core module `_start`; it exports `acme:pricing/quote@1.0.0`
    4:51 `prices` is a service with an instance of its own, and cannot be called together with its caller
      hint: write `mode = "apart"`, or leave it away
    "#);
    insta::assert_snapshot!(check("0.2", "0.2 => acme:pricing/qoute@1.0.0", "components"), @"
    4:51 component `prices` does not export `acme:pricing/quote@1.0.0`, which `cart` imports
      hint: did you mean `acme:pricing/qoute@1.0.0`? it exports `acme:pricing/qoute@1.0.0`
    ");
}

/// What holds one of those up that share an instance holds all up: a caller of 0.3 then serves one request at a time.
#[test]
fn concurrency_of_all() {
    let check = |pricing: &str, modes: [&str; 2], instances: &str| {
        let components = format!(
            "cart: 0.3 acme:pricing/quote@1.0.0 =>\npricing: 0.3 acme:pricing/taxes@1.0.0 => acme:pricing/quote@1.0.0\n\
             taxes: {pricing} => acme:pricing/taxes@1.0.0"
        );
        let lines = format!(
            "components.taxes.source = 'taxes.wasm'\n\
             components.cart.links.'acme:pricing' = {{ to = 'pricing', mode = '{}' }}\n\
             components.pricing = {{ source = 'pricing.wasm', links = {{ 'acme:pricing' = {{ to = 'taxes', mode = '{}' }} }} }}\n\
             components.cart.instances = {{ {instances} }}",
            modes[0], modes[1]
        );
        let app = Case { lines: &lines, components: &components, host: "" }.app(&HostSpec::default()).unwrap();
        ["cart", "pricing"].map(|name| app.components[&name.parse().unwrap()].instances.concurrency.get())
    };
    let (sync, concurrent) = ("0.2 wasi:keyvalue/store@0.2.0-draft", "0.3 wasmcloud:keyvalue/store@0.2.0");
    assert_eq!(check(sync, ["together", "together"], ""), [1, 1]);
    assert_eq!(check(sync, ["together", "together"], "concurrency = 4"), [4, 1]);
    assert_eq!(check(sync, ["apart", "together"], ""), [16, 1]);
    assert_eq!(check(sync, ["together", "apart"], ""), [16, 16]);
    assert_eq!(check(concurrent, ["together", "together"], ""), [16, 16]);
}

/// A component that calls so many others together, each of which calls the next one, too.
#[test]
fn a_crowd() {
    let crowd = |size: usize| {
        let (mut lines, mut components) = (String::new(), "cart: 0.2 acme:crowd/c1 =>\n".to_owned());
        let link = |step| format!("links = {{ 'acme:crowd' = {{ to = 'c{step}', mode = 'together' }} }}");
        writeln!(lines, "components.cart.{}", link(1)).unwrap();
        for step in 1..size {
            writeln!(lines, "components.c{step}.source = 'c.wasm'").unwrap();
            let has_next = step + 1 < size;
            let next = if has_next { format!("acme:crowd/c{}", step + 1) } else { String::new() };
            if has_next {
                writeln!(lines, "components.c{step}.{}", link(step + 1)).unwrap();
            }
            writeln!(components, "c{step}: 0.2 {next} => acme:crowd/c{step}").unwrap();
        }
        Case { lines: &lines, components: components.trim_end(), host: "" }.faults()
    };
    assert_eq!(crowd(8), "");
    insta::assert_snapshot!(crowd(9), @"
    2:12 `cart` and what it calls together are 9 components, and 8 are the most
      hint: call some of them `apart`
    ");
}

#[test]
fn chains() {
    assert_eq!(chain(32), "");
    insta::assert_snapshot!(chain(33), @"
    2:12 a chain of calls goes through 33 components, and 32 are the most: cart -> c1 -> c2 -> ... -> c30 -> c31 -> c32
      hint: let some of them be one component
    ");
    insta::assert_snapshot!(chain(1000), @"
    2:12 a chain of calls goes through 1000 components, and 32 are the most: cart -> c1 -> c2 -> ... -> c997 -> c998 -> c999
      hint: let some of them be one component
    ");
}

#[test]
fn circles() {
    let circle = "cart: 0.2 acme:pricing/quote acme:tax/rate => acme:cart/sum\n\
                  pricing: 0.2 acme:tax/rate => acme:pricing/quote\n\
                  tax: 0.2 acme:cart/sum => acme:tax/rate";
    insta::assert_snapshot!(check(circle, "components.tax.source = 'tax.wasm'"), @"
    cart acme:pricing/quote -> refused: components call each other in a circle: cart -> pricing -> tax -> cart
    cart acme:tax/rate -> component tax (apart) (sibling): nothing links it, and `tax` exports it
    pricing acme:tax/rate -> refused: components call each other in a circle: cart -> pricing -> tax -> cart
    tax acme:cart/sum -> refused: components call each other in a circle: cart -> pricing -> tax -> cart
    2:12 components call each other in a circle: cart -> pricing -> tax -> cart
      hint: link one of them to something else, or let two of them be one component
    ");
    let two = "cart: 0.2 acme:log/log => acme:log/log\npricing: 0.2 acme:log/log => acme:log/log";
    insta::assert_snapshot!(check(two, ""), @"
    cart acme:log/log -> refused: components call each other in a circle: cart -> pricing -> cart
    pricing acme:log/log -> refused: components call each other in a circle: cart -> pricing -> cart
    2:12 components call each other in a circle: cart -> pricing -> cart
      hint: link one of them to something else, or let two of them be one component
    ");
    // The link of the app leaves out the component that it leads to, so nothing is left for that one.
    insta::assert_snapshot!(check(two, "links.'acme:log' = 'cart'"), @"
    cart acme:log/log -> refused: components call each other in a circle: cart -> pricing -> cart
    pricing acme:log/log -> refused: components call each other in a circle: cart -> pricing -> cart
        else component cart (apart) (sibling): `cart` exports it
    2:12 components call each other in a circle: cart -> pricing -> cart
      hint: link one of them to something else, or let two of them be one component
    ");
}

/// Where everyone calls everyone, only the first circles are told.
#[test]
fn many_circles() {
    let names: Vec<String> = (1..16).map(|step| format!("c{step}")).chain(["cart".into()]).collect();
    let (mut lines, mut components) = (String::new(), Vec::new());
    for name in &names {
        if name != "cart" {
            writeln!(lines, "components.{name}.source = 'c.wasm'").unwrap();
        }
        let others = names.iter().filter(|other| *other != name).map(|other| format!("acme:all/{other}"));
        components.push(format!("{name}: 0.2 {} => acme:all/{name}", others.collect::<Vec<_>>().join(" ")));
    }
    let faults = Case { lines: &lines, components: &components.join("\n"), host: "" }.faults();
    assert_eq!(faults.matches("in a circle").count(), 20, "{faults}");
}

/// Messages come in through a backend, whatever else a package is linked to.
#[test]
fn message_handlers() {
    let bus = "cart: 0.2 wasmcloud:messaging/consumer@0.2.0 => wasmcloud:messaging/handler@0.2.0\n\
               pricing: 0.2 => wasmcloud:messaging/consumer@0.2.0 wasmcloud:messaging/handler@0.2.0";
    let trigger = "triggers.message = [{ subject = 'orders', component = 'cart' }]";
    insta::assert_snapshot!(check(bus, trigger), @r#"
    cart wasmcloud:messaging/consumer@0.2.0 -> component pricing (apart) (sibling): nothing links it, and `pricing` exports it
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:messaging/handler@0.2.0 -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps messages in `disk`
    "#);
    insta::assert_snapshot!(check(bus, &format!("{trigger}\nlinks = {{ 'wasmcloud:messaging' = 'pricing' }}")), @r#"
    cart wasmcloud:messaging/consumer@0.2.0 -> component pricing (apart) (link on the app): the app's links say `"wasmcloud:messaging" = "pricing"`
        else component pricing (apart) (sibling): `pricing` exports it
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    cart wasmcloud:messaging/handler@0.2.0 -> refused: messages of a trigger come from a backend, and `pricing` is a component
        else backend disk (built-in): `defaults = "dev"` of the host keeps messages in `disk`
    5:35 messages of a trigger come from a backend, and `pricing` is a component
      hint: link `wasmcloud:messaging` to a backend, or only the interface that the component imports
    "#);
}
