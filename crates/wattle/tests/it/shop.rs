//! The example `shop`, as it is: three components, one of which calls another, which calls the third.

use std::fs;
use std::path::Path;

use serde_json::json;
use wattle_testkit::App;

use crate::WATTLE;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop");

/// A copy of the example, whose sources are where a clone has them.
fn example() -> App {
    let text = fs::read_to_string(Path::new(EXAMPLE).join("wattle.toml")).expect("read the example");
    App::new(&text.replace("../../guests/built/", ""))
}

#[test]
fn a_cart_has_prices() {
    let app = example();
    let up = || WATTLE.up(&app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    let server = up();
    assert_eq!(server.call("PUT", "/carts/mine/teapot", "1").summary(), r#"200 {"teapot":1}"#);
    assert_eq!(server.call("PUT", "/carts/mine/tea", "3").summary(), r#"200 {"tea":3,"teapot":1}"#);
    let refused = server.call("PUT", "/carts/mine/gold", "1");
    assert_eq!(refused.summary(), r#"422 {"error":"gold is not sold here"}"#);
    let lines = json!([
        { "item": "tea", "quantity": 3, "net": 1350, "tax": 95 },
        { "item": "teapot", "quantity": 1, "net": 1999, "tax": 380 },
    ]);
    let cart = |visits: u32| json!({ "lines": lines, "total": 3824, "visits": visits });
    assert_eq!(server.get("/carts/mine").json(), cart(1));
    assert_eq!(server.get("/carts/mine").json(), cart(2));
    assert!(server.stop().is_ok());
    // Carts are on disk, sessions were in memory.
    assert_eq!(up().get("/carts/mine").json(), cart(1));
}

/// Every import of every component is explained.
#[test]
fn explained() {
    let app = example();
    let ran = WATTLE.run(&app, ["explain"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let is_linked =
        |line: &&str| line.contains("shop:pricing") || line.contains("keyvalue/store") || line.contains('#');
    let linked: Vec<_> = ran.stdout.lines().filter(is_linked).collect();
    insta::assert_snapshot!(linked.join("\n"), @r#"
    wasi:keyvalue/store@0.2.0-draft     backend disk               the component's links say `"wasi:keyvalue" = "disk"`
    shop:pricing/prices@1.0.0           component pricing (apart)  nothing links it, and `pricing` exports it
    wasi:keyvalue#sessions              backend memory             the component's links say `"wasi:keyvalue#sessions" = "memory"`
    shop:pricing/taxes@1.0.0            component taxes (apart)    nothing links it, and `taxes` exports it
    "#);
}
