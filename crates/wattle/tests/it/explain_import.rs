//! `wattle explain PATH COMPONENT IMPORT`: of one import the provider, the rule, what is in force and what would come next.

use wattle_testkit::App;

use crate::WATTLE;

const MANIFEST: &str = r##"name = "shop"

[components.cart]
source = "cart.wat"
links = { "wasi:keyvalue" = "memory", "wasi:keyvalue#orders" = "orders" }

[components.pricing]
source = "pricing.wat"

[backends.orders]
type = "nats"
servers = ["nats://127.0.0.1:4222"]
user = "shop"
password-file = "password"
"##;

const CART: &str = r#"(component
    (import "acme:pricing/types@1.0.0" (instance (type $sku (record (field "id" u32))) (export "sku" (type (eq $sku)))))
    (import "acme:pricing/quote@1.0.0" (instance (export "price" (func (result u32)))))
    (import "wasi:keyvalue/store@0.2.0-draft" (instance (export "bucket" (type (sub resource))))))"#;

const PRICING: &str = r#"(component
    (core module $code (func (export "price") (result i32) i32.const 7))
    (core instance $code (instantiate $code))
    (func $price (result u32) (canon lift (core func $code "price")))
    (instance $quote (export "price" (func $price)))
    (export "acme:pricing/quote@1.2.0" (instance $quote)))"#;

fn shop() -> App {
    App::empty()
        .file("wattle.toml", MANIFEST)
        .file("cart.wat", CART)
        .file("pricing.wat", PRICING)
        .file("password", "canary")
}

fn explain(app: &App, arguments: &[&str]) -> String {
    let said = WATTLE.run(app, [&["explain", "."], arguments].concat()).to_string();
    assert!(!said.contains("canary"));
    said
}

#[test]
fn an_app() {
    insta::assert_snapshot!(explain(&shop(), &[]), @r#"
    exit: 0
    ----- stdout
    cart
      acme:pricing/types@1.0.0         built-in                   it has types alone, so there is nothing to provide
      acme:pricing/quote@1.0.0         component pricing (apart)  nothing links it, and `pricing` exports it
      wasi:keyvalue/store@0.2.0-draft  backend memory             the component's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue#orders             backend orders             the component's links say `"wasi:keyvalue#orders" = "orders"`
      granted: no files, no environment, no network

    pricing
      granted: no files, no environment, no network
    "#);
}

#[test]
fn a_component() {
    insta::assert_snapshot!(explain(&shop(), &["pricing"]), @"
    exit: 0
    ----- stdout
    pricing
      granted: no files, no environment, no network
    ");
}

#[test]
fn a_package() {
    let app = shop().file(
        "host.toml",
        "[links]\n\"wasi:keyvalue\" = \"main\"\n[backends.main]\ntype = \"disk\"\nscope = \"shared\"\n",
    );
    insta::assert_snapshot!(explain(&app, &["cart", "wasi:keyvalue", "--config", "host.toml"]), @r#"
    exit: 0
    ----- stdout
    wasi:keyvalue/store@0.2.0-draft of cart
      provider  backend memory
                type = memory
                scope = app
      rule      link on the component
      because   the component's links say `"wasi:keyvalue" = "memory"`
      else      backend main (default of the host): the links of the host's file say `"wasi:keyvalue" = "main"`
      else      backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`

    wasi:keyvalue#orders of cart
      provider  backend orders
                type = nats
                scope = app
                servers = nats://127.0.0.1:PORT
                user = shop
                password-file = DIR/password
                replicas = 1
      rule      link on the component
      because   the component's links say `"wasi:keyvalue#orders" = "orders"`
    "#);
}

#[test]
fn a_label() {
    insta::assert_snapshot!(explain(&shop(), &["cart", "wasi:keyvalue#orders"]), @r#"
    exit: 0
    ----- stdout
    wasi:keyvalue#orders of cart
      provider  backend orders
                type = nats
                scope = app
                servers = nats://127.0.0.1:PORT
                user = shop
                password-file = DIR/password
                replicas = 1
      rule      link on the component
      because   the component's links say `"wasi:keyvalue#orders" = "orders"`
    "#);
}

#[test]
fn a_component_that_is_called() {
    insta::assert_snapshot!(explain(&shop(), &["cart", "acme:pricing/quote"]), @"
    exit: 0
    ----- stdout
    acme:pricing/quote@1.0.0 of cart
      provider  component pricing (apart)
                digest = sha256:48c9cb959abebb5d20b290eeab4f6783c7f145dce7dc457197e101c50f9ea56f
      rule      sibling
      because   nothing links it, and `pricing` exports it
    ");
}

/// They are explained, and there is nothing that would have to be joined.
#[test]
fn types_alone() {
    insta::assert_snapshot!(explain(&shop(), &["cart", "acme:pricing/types@1.0.0"]), @"
    exit: 0
    ----- stdout
    acme:pricing/types@1.0.0 of cart
      provider  built-in
      rule      built-in
      because   it has types alone, so there is nothing to provide
    ");
    let command = r#"(component
        (import "acme:pricing/types@1.0.0" (instance (type $sku (record (field "id" u32))) (export "sku" (type (eq $sku)))))
        (core module $code (func (export "run") (result i32) i32.const 0))
        (core instance $code (instantiate $code))
        (func $run (result (result)) (canon lift (core func $code "run")))
        (instance $run (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $run)))"#;
    insta::assert_snapshot!(WATTLE.run(&App::empty().file("run.wat", command), ["run", "run.wat"]), @"exit: 0");
}

#[test]
fn as_json() {
    let ran = WATTLE.run(&shop(), ["explain", ".", "cart", "wasi:keyvalue/store", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told["components"][0]["imports"]).unwrap(), @r#"
    [
      {
        "backend": "memory",
        "component": null,
        "hint": null,
        "import": "wasi:keyvalue/store@0.2.0-draft",
        "mode": null,
        "others": [
          {
            "backend": "disk",
            "component": null,
            "hint": null,
            "mode": null,
            "provider": "backend",
            "reason": "`defaults = \"dev\"` of the host keeps keys and values in `disk`",
            "rule": "built-in"
          }
        ],
        "provider": "backend",
        "reason": "the component's links say `\"wasi:keyvalue\" = \"memory\"`",
        "rule": "component-link",
        "settings": {
          "scope": "app",
          "type": "memory"
        }
      },
      {
        "backend": "orders",
        "component": null,
        "hint": null,
        "import": "wasi:keyvalue#orders",
        "mode": null,
        "others": [],
        "provider": "backend",
        "reason": "the component's links say `\"wasi:keyvalue#orders\" = \"orders\"`",
        "rule": "component-link",
        "settings": {
          "password-file": "DIR/password",
          "replicas": "1",
          "scope": "app",
          "servers": "nats://127.0.0.1:PORT",
          "type": "nats",
          "user": "shop"
        }
      }
    ]
    "#);
    let ran = WATTLE.run(&shop(), ["explain", ".", "cart", "acme:pricing/quote", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told["components"][0]["imports"]).unwrap(), @r#"
    [
      {
        "backend": null,
        "component": "pricing",
        "hint": null,
        "import": "acme:pricing/quote@1.0.0",
        "mode": "apart",
        "others": [],
        "provider": "component",
        "reason": "nothing links it, and `pricing` exports it",
        "rule": "sibling",
        "settings": {
          "digest": "sha256:48c9cb959abebb5d20b290eeab4f6783c7f145dce7dc457197e101c50f9ea56f"
        }
      }
    ]
    "#);
}

/// What a person can paste is at the end of the story.
#[test]
fn refused() {
    let other = PRICING.replace("acme:pricing/quote@1.2.0", "acme:tax/rate");
    insta::assert_snapshot!(explain(&shop().file("pricing.wat", other), &["cart", "acme:pricing/quote"]), @r#"
    exit: 2
    ----- stdout
    acme:pricing/quote@1.0.0 of cart
      provider  refused
      because   component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
      hint      the host provides `wasi:blobstore@0.2.0-draft`, `wasi:cli@0.2.12`, `wasi:cli@0.3.0`, `wasi:clocks@0.2.12`, `wasi:clocks@0.3.0`, `wasi:config@0.2.0-draft`, `wasi:config@0.2.0-rc.1`, `wasi:filesystem@0.2.12`, `wasi:filesystem@0.3.0`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:keyvalue@0.2.0-draft2`, `wasi:logging`, `wasi:logging@0.1.0-draft`, `wasi:messaging@0.2.0-draft`, `wasi:random@0.2.12`, `wasi:random@0.3.0`, `wasi:sockets@0.2.12`, `wasi:sockets@0.3.0`, `wasmcloud:blobstore@0.1.0`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
                [components.quote]
                source = "quote.wasm"
    ----- stderr
    error: component `cart` imports `acme:pricing/quote@1.0.0`, which nothing here provides
     --> ./wattle.toml:4:10
      |
    4 | source = "cart.wat"
      |          ^^^^^^^^^^
      |
      = hint: the host provides `wasi:blobstore@0.2.0-draft`, `wasi:cli@0.2.12`, `wasi:cli@0.3.0`, `wasi:clocks@0.2.12`, `wasi:clocks@0.3.0`, `wasi:config@0.2.0-draft`, `wasi:config@0.2.0-rc.1`, `wasi:filesystem@0.2.12`, `wasi:filesystem@0.3.0`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:keyvalue@0.2.0-draft2`, `wasi:logging`, `wasi:logging@0.1.0-draft`, `wasi:messaging@0.2.0-draft`, `wasi:random@0.2.12`, `wasi:random@0.3.0`, `wasi:sockets@0.2.12`, `wasi:sockets@0.3.0`, `wasmcloud:blobstore@0.1.0`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
              [components.quote]
              source = "quote.wasm"
    "#);
    let two = format!("{MANIFEST}\n[components.quotes]\nsource = \"pricing.wat\"\n");
    insta::assert_snapshot!(explain(&shop().file("wattle.toml", two), &["cart", "acme:pricing/quote"]), @r#"
    exit: 2
    ----- stdout
    acme:pricing/quote@1.0.0 of cart
      provider  refused
      because   component `cart` imports `acme:pricing/quote@1.0.0`, which `pricing` and `quotes` export
      hint      say which is meant, as in
                links = { "acme:pricing/quote" = "pricing" }
    ----- stderr
    error: component `cart` imports `acme:pricing/quote@1.0.0`, which `pricing` and `quotes` export
     --> ./wattle.toml:4:10
      |
    4 | source = "cart.wat"
      |          ^^^^^^^^^^
      |
      = hint: say which is meant, as in
              links = { "acme:pricing/quote" = "pricing" }
    "#);
}

/// A component that calls the `other` one and is called itself.
fn caller(own: &str, other: &str) -> String {
    format!(
        r#"(component
            (import "acme:{other}/{other}" (instance $other (export "f" (func))))
            (alias export $other "f" (func $f))
            (instance $own (export "f" (func $f)))
            (export "acme:{own}/{own}" (instance $own)))"#
    )
}

#[test]
fn a_circle() {
    let manifest = "name = \"a\"\ncomponents.cart.source = \"cart.wat\"\ncomponents.tax.source = \"tax.wat\"\n";
    let app = App::empty().file("wattle.toml", manifest).file("cart.wat", caller("cart", "tax"));
    let app = app.file("tax.wat", caller("tax", "cart"));
    insta::assert_snapshot!(explain(&app, &["cart", "acme:tax"]), @r#"
    exit: 2
    ----- stdout
    acme:tax/tax of cart
      provider  refused
      because   components call each other in a circle: cart -> tax -> cart
      hint      link one of them to something else, or let two of them be one component
    ----- stderr
    error: components call each other in a circle: cart -> tax -> cart
     --> ./wattle.toml:2:12
      |
    2 | components.cart.source = "cart.wat"
      |            ^^^^
      |
      = hint: link one of them to something else, or let two of them be one component
    "#);
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: components call each other in a circle: cart -> tax -> cart
     --> ./wattle.toml:2:12
      |
    2 | components.cart.source = "cart.wat"
      |            ^^^^
      |
      = hint: link one of them to something else, or let two of them be one component
    "#);
}

#[test]
fn what_is_not_there() {
    insta::assert_snapshot!(explain(&shop(), &["crat"]), @"
    exit: 2
    ----- stderr
    error: there is no component `crat` in the app
    hint: did you mean `cart`?
    ");
    insta::assert_snapshot!(explain(&shop(), &["warehouse"]), @"
    exit: 2
    ----- stderr
    error: there is no component `warehouse` in the app
    hint: its components are `cart` and `pricing`
    ");
    insta::assert_snapshot!(explain(&shop(), &["cart", "wasi:keyvalue/stroe@0.2.0-draft"]), @"
    exit: 2
    ----- stderr
    error: there is no import of `wasi:keyvalue/stroe@0.2.0-draft` in component `cart`
    hint: did you mean `wasi:keyvalue/store@0.2.0-draft`?
    ");
    insta::assert_snapshot!(explain(&shop(), &["cart", "wasi:blobstore"]), @"
    exit: 2
    ----- stderr
    error: there is no import of `wasi:blobstore` in component `cart`
    hint: what it imports is `acme:pricing/quote@1.0.0`, `acme:pricing/types@1.0.0`, `wasi:keyvalue#orders` and `wasi:keyvalue/store@0.2.0-draft`
    ");
}
