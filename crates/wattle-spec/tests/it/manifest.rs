//! The manifest: what it says, and every fault in it at once.

use proptest::prelude::*;
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::name::ComponentName;

use crate::render;

/// The faults of a manifest, each with its place.
fn check(text: &str) -> String {
    match Manifest::parse(text) {
        Ok(_) => "ok".into(),
        Err(faults) => render(text, &faults),
    }
}

/// The faults of a manifest with a sound name and component, and `lines` after them.
pub(crate) fn check_lines(lines: &str) -> String {
    check(&format!("name = \"shop\"\ncomponents.cart.source = \"cart.wasm\"\n{lines}"))
}

/// The faults of a manifest with a component that has `lines`.
fn check_component(lines: &str) -> String {
    check(&format!("name = \"shop\"\n[components.cart]\nsource = \"cart.wasm\"\n{lines}"))
}

/// The faults of a manifest with a component, and one HTTP trigger for it that has `path`.
fn check_path(path: &str) -> String {
    check_lines(&format!("triggers.http = [{{ component = \"cart\", path = '{path}' }}]"))
}

const EVERYTHING: &str = r#"
name = "shop"
version = "0.1.0"

[components.cart]
source = "target/wasm32-wasip2/release/cart.wasm"
build = "cargo build --release --target wasm32-wasip2"
config = { currency = "EUR" }
env = { RUST_LOG = "info" }
links = { "wasi:keyvalue" = "orders", "wasi:keyvalue/atomics@0.2.0-draft" = { to = "disk" } }
limits = { memory = "64MiB", deadline = "10s", handles = 100 }
instances = { reuse = 100, idle = "10s", concurrency = 8 }
allow = { http = ["https://api.example.com", "http://*.intern:8080"], networks = ["private", "192.0.2.0/24"], tcp = ["10.0.0.0/8:5432"], udp = ["loopback:*"] }

[[components.cart.mounts]]
host = "data"
guest = "/data/"
access = "read-write"

[[triggers.http]]
host = "Shop.Example.com"
path = "/cart/..."
component = "cart"

[backends.orders]
type = "memory"
scope = "shared"

[links]
"wasi:keyvalue" = "disk"

[limits]
concurrent-requests = 10
"#;

#[test]
fn everything_there_is() {
    let manifest = Manifest::parse(EVERYTHING).unwrap();
    let cart = &manifest.components[&"cart".parse::<ComponentName>().unwrap()];
    let [trigger] = manifest.triggers.http.as_slice() else { panic!("one trigger") };
    let span = |span: &Option<std::ops::Range<usize>>| &EVERYTHING[span.clone().unwrap()];
    let lines = [
        format!("{} {:?}", manifest.name, manifest.version.as_ref().map(|version| version.value.0.to_string())),
        format!("{} {:?}", cart.source, cart.build.as_ref().map(|build| &build.value)),
        format!("{:?} {:?}", cart.config, cart.env),
        cart.links.iter().map(|(key, link)| format!("{key} -> {} at {}; ", link.to, span(&link.to.span))).collect(),
        format!("{} {:?} {}", cart.limits.0.memory, cart.limits.0.deadline, cart.limits.0.handles),
        format!("{:?}", cart.instances.as_ref().map(|instances| instances.value.reuse.as_ref().map(|n| n.value))),
        format!("{:?}", cart.allow.http.iter().map(ToString::to_string).collect::<Vec<_>>()),
        format!("{:?}", cart.allow.networks.iter().map(ToString::to_string).collect::<Vec<_>>()),
        format!(
            "{:?}",
            cart.allow
                .tcp
                .iter()
                .map(ToString::to_string)
                .chain(cart.allow.udp.iter().map(ToString::to_string))
                .collect::<Vec<_>>()
        ),
        format!("{:?} {:?}", cart.mounts[0].guest.value.0, cart.mounts[0].access),
        format!("{} {} at {}", trigger.host.as_ref().unwrap(), trigger.path, span(&trigger.path.span)),
        format!("{:?}", manifest.backends.values().collect::<Vec<_>>()),
        format!("{}", manifest.limits.0.concurrent_requests),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    shop Some("0.1.0")
    target/wasm32-wasip2/release/cart.wasm Some("cargo build --release --target wasm32-wasip2")
    {"currency": Text("EUR")} {Variable("RUST_LOG"): Text("info")}
    wasi:keyvalue -> orders at "orders"; wasi:keyvalue/atomics@0.2.0-draft -> disk at "disk"; 
    64MiB 10s 100
    Some(Some(100))
    ["https://api.example.com", "http://*.intern:8080"]
    ["private", "192.0.2.0/24"]
    ["10.0.0.0/8:5432", "loopback:*"]
    "/data" ReadWrite
    shop.example.com /cart/... at "/cart/..."
    [BackendEntry { kind: Memory, scope: Shared, quota: None, servers: None, user: None, password_file: None, token_file: None, credentials: None, nkey: None, tls: None, replicas: None, stream: None, prefix: None, directory: None }]
    10
    "#);
}

#[test]
fn a_bare_component_answers_everything() {
    let source: Source = "hello_world.wasm".parse().unwrap();
    let manifest = Manifest::for_component(&ComponentName::resembling("hello_world"), source);
    let [trigger] = manifest.triggers.http.as_slice() else { panic!("one trigger") };
    insta::assert_snapshot!(format!("{} {} {}", manifest.name, trigger.target, trigger.path), @"hello-world component `hello-world` /...");
}

#[test]
fn all_faults_at_once() {
    let text = r#"
nam = "shop"
name = "My_Shop"
version = 1
[components.cart]
sorce = "cart.wasm"
memory = "64MiB"
limits = { memory = "64MB", deadlin = "10s", handles = 0, table_elements = 3 }
instances = { reuse = "10", concurency = 2 }
[components.Bad]
source = "ghcr.io/Shop/bad:1.0"
mounts = [{ host = "data", guest = "data", access = "readwrite" }]
[[triggers.http]]
path = "cart"
component = "cart"
[[triggers.http]]
path = "/a/..."
component = "crat"
[[triggers.http]]
path = "/a/..."
component = "cart"
[triggers.cron]
schedule = "* * * * *"
[backends.orders]
type = "redis"
[links]
"wasi keyvalue" = "orders"
"wasi:keyvalue" = { too = "orders" }
"wasi:config" = 3
"#;
    insta::assert_snapshot!(check(text), @r#"
    2:1 unknown key `nam`
      hint: did you mean `name`?
    3:8 a name is made of lower-case letters, digits and inner hyphens, 'M' is not
      hint: write `my-shop`
    4:11 `version` must be a string, not a whole number
      hint: write it in quotes, as in "0.1.0"
    5:1 the key `source` is missing in `components.cart`
      hint: add source = "target/wasm32-wasip2/release/cart.wasm"
    6:1 unknown key `sorce` in `components.cart`
      hint: did you mean `source`?
    7:1 unknown key `memory` in `components.cart`
      hint: `memory` belongs in `limits`
    8:21 expected a whole number and one of the units B, KiB, MiB, GiB, as in "64MiB"
      hint: as in `"64MiB"`
    8:29 unknown key `deadlin` in `components.cart.limits`
      hint: did you mean `deadline`?
    8:56 `components.cart.limits.handles` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    8:59 unknown key `table_elements` in `components.cart.limits`
      hint: did you mean `table-elements`?
    9:23 `components.cart.instances.reuse` must be a whole number, not a string
      hint: write it without quotes
    9:29 unknown key `concurency` in `components.cart.instances`
      hint: did you mean `concurrency`?
    10:13 a name is made of lower-case letters, digits and inner hyphens, 'B' is not
      hint: write `bad`
    11:10 "ghcr.io/Shop/bad:1.0" is no reference to a registry: "Shop/bad" is no name of a repository: parts of a-z, 0-9 and single `.`, `_`, `__` or `-` between them
      hint: if it is a path, write `./ghcr.io/Shop/bad:1.0`
    12:36 a path in the guest is absolute
      hint: write `/data`
    12:53 "readwrite" is none of `read` and `read-write`
      hint: did you mean `read-write`?
    14:8 a path begins with `/`, "cart" does not
      hint: write `/cart`
    18:13 there is no component `crat`
      hint: did you mean `cart`?
    20:8 the route `/a/...` is there twice, for component `crat` and for component `cart`
      17:8 the first is here
      hint: give each route a path or a host of its own
    22:1 `triggers.cron` must be an array, not a table
      hint: write [[triggers.cron]], with two brackets
    25:8 "redis" is none of `memory`, `disk`, `nats`, `environment` and `files`
    27:1 an interface is written namespace:package/name@version, as in wasi:keyvalue/store
      hint: as in `"wasi:keyvalue"`
    28:19 the key `to` is missing in `links."wasi:keyvalue"`
      hint: add to = "orders"
    28:21 unknown key `too` in `links."wasi:keyvalue"`
      hint: did you mean `to`?
    29:17 `links."wasi:config"` must be a string or a table, not a whole number
    "#);
}

#[test]
fn syntax() {
    insta::assert_snapshot!(check("name = \nversion = 'x\n[components"), @r#"
    1:8 string values must be quoted, expected literal string
      hint: this is TOML: `key = "value"`, `[table]`, `[[list of tables]]`
    2:13 invalid literal string, expected `'`
      hint: this is TOML: `key = "value"`, `[table]`, `[[list of tables]]`
    3:12 unclosed table, expected `]`
      hint: this is TOML: `key = "value"`, `[table]`, `[[list of tables]]`
    "#);
    insta::assert_snapshot!(check("name = \"a\"\nname = \"b\""), @"
    2:1 duplicate key
      hint: remove one of the two
    ");
}

#[test]
fn missing_keys() {
    insta::assert_snapshot!(check(""), @r#"
    - the key `name` is missing
      hint: add name = "shop"
    - the key `components` is missing
      hint: add a table, as in [components.NAME]
    "#);
    insta::assert_snapshot!(check("name = \"shop\"\n[components.cart]"), @r#"
    2:1 the key `source` is missing in `components.cart`
      hint: add source = "target/wasm32-wasip2/release/cart.wasm"
    "#);
    insta::assert_snapshot!(check_lines("[[triggers.http]]\nhost = \"a.example\""), @r#"
    3:1 one of `component` and `files` is missing in `triggers.http`
      hint: add component = "cart", or add files = "public"
    3:1 the key `path` is missing in `triggers.http`
      hint: add path = "/cart/..."
    "#);
    insta::assert_snapshot!(check_lines("[[triggers.http]]\npath = \"/\"\nfile = \"public\""), @r#"
    3:1 one of `component` and `files` is missing in `triggers.http`
      hint: add component = "cart", or add files = "public"
    5:1 unknown key `file` in `triggers.http`
      hint: did you mean `files`?
    "#);
    insta::assert_snapshot!(check_lines("[backends.orders]"), @r#"
    3:1 the key `type` is missing in `backends.orders`
      hint: add type = "memory"
    "#);
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(check_component("service = true"), @"
    4:1 unknown key `service` in `components.cart`
      hint: the keys here are `allow`, `build`, `config`, `env`, `instances`, `limits`, `links`, `mounts`, `pull`, `secrets` and `source`
    ");
    insta::assert_snapshot!(check_component("deadline = '10s'"), @"
    4:1 unknown key `deadline` in `components.cart`
      hint: `deadline` belongs in `limits`
    ");
    insta::assert_snapshot!(check_component("concurrency = 4"), @"
    4:1 unknown key `concurrency` in `components.cart`
      hint: `concurrency` belongs in `instances`
    ");
    insta::assert_snapshot!(check_component("allow = { https = [] }"), @"
    4:11 unknown key `https` in `components.cart.allow`
      hint: did you mean `http`?
    ");
    insta::assert_snapshot!(check_component("limits = { log_line = '1KiB' }"), @"
    4:12 unknown key `log_line` in `components.cart.limits`
      hint: did you mean `log-line`?
    ");
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(check_lines("version = 1979-05-27"), @r#"
    3:11 `version` must be a string, not a date
      hint: write it in quotes, as in "0.1.0"
    "#);
    insta::assert_snapshot!(check_lines("[triggers.http]\npath = '/'\ncomponent = 'cart'"), @"
    3:1 `triggers.http` must be an array, not a table
      hint: write [[triggers.http]], with two brackets
    ");
    insta::assert_snapshot!(check_lines("[[backends]]\ntype = 'disk'"), @"
    3:1 `backends` must be a table, not an array
      hint: write [backends], with one bracket
    ");
    insta::assert_snapshot!(check_component("limits = { memory = 64, handles = '1' }"), @r#"
    4:21 `components.cart.limits.memory` must be a string, not a whole number
      hint: write it in quotes, as in "64MiB"
    4:35 `components.cart.limits.handles` must be a whole number, not a string
      hint: write it without quotes
    "#);
    insta::assert_snapshot!(check_component("links = { 'wasi:keyvalue' = ['orders'] }"), @r#"4:29 `components.cart.links."wasi:keyvalue"` must be a string or a table, not an array"#);
    insta::assert_snapshot!(check_component("config = { retries = 3 }"), @r#"
    4:22 `components.cart.config.retries` must be a string, not a whole number
      hint: write it in quotes, as in "EUR"
    "#);
    insta::assert_snapshot!(check_component("mounts = 'data'"), @"
    4:10 `components.cart.mounts` must be an array, not a string
      hint: write it in brackets
    ");
}

#[test]
fn names() {
    insta::assert_snapshot!(check_lines("[components.'Shop Cart']\nsource = 'a.wasm'"), @"
    3:13 a name is made of lower-case letters, digits and inner hyphens, 'S' is not
      hint: write `shop-cart`
    ");
    insta::assert_snapshot!(check_lines("[components.\"\"]\nsource = 'a.wasm'"), @"
    3:13 a name must not be empty
      hint: write `unnamed`
    ");
    insta::assert_snapshot!(check_component("links = { 'wasi:keyvalue' = 'My Orders' }"), @"
    4:29 a name is made of lower-case letters, digits and inner hyphens, 'M' is not
      hint: write `my-orders`
    ");
    insta::assert_snapshot!(check_component("links = { 'keyvalue' = 'orders' }"), @r#"
    4:11 an interface is written namespace:package/name@version, as in wasi:keyvalue/store
      hint: as in `"wasi:keyvalue"`
    "#);
    insta::assert_snapshot!(check_component("links = { 'wasi:keyvalue@2' = 'orders' }"), @r#"
    4:11 "2" is not a semantic version, as in 0.2.0
      hint: as in `"wasi:keyvalue"`
    "#);
}

#[test]
fn sources() {
    let source = |source: &str| check(&format!("name = 'shop'\ncomponents.cart.source = '{source}'"));
    insta::assert_snapshot!(source("target/wasm32-wasip2/release/cart.wasm"), @"ok");
    insta::assert_snapshot!(source("../build.out/cart"), @"ok");
    insta::assert_snapshot!(source("build.out/cart.wasm"), @"ok");
    insta::assert_snapshot!(source("/srv/cart.wasm"), @"ok");
    insta::assert_snapshot!(source(""), @"
    2:26 a source must not be empty
      hint: write the path of a .wasm file, or a reference as in `ghcr.io/shop/cart:1.0`
    ");
    insta::assert_snapshot!(source("ghcr.io/shop/cart:1.0"), @"ok");
    insta::assert_snapshot!(source("localhost:5000/cart"), @"ok");
    insta::assert_snapshot!(source("oci://ghcr.io/shop/cart"), @"ok");
    insta::assert_snapshot!(source("ghcr.io/shop/cart:-1"), @r#"
    2:26 "ghcr.io/shop/cart:-1" is no reference to a registry: "-1" is no tag: at most 128 of a-z, A-Z, 0-9, `_`, `.` and `-`, the first no `.` or `-`
      hint: if it is a path, write `./ghcr.io/shop/cart:-1`
    "#);
    insta::assert_snapshot!(source("oci://cart"), @r#"
    2:26 "oci://cart" is no reference to a registry: "cart" names no registry
      hint: as in `"target/wasm32-wasip2/release/cart.wasm"`
    "#);
    insta::assert_snapshot!(source("https://example.com/cart.wasm"), @r#"
    2:26 "https://example.com/cart.wasm" is a URL, and a source is a path or a reference to a registry
      hint: download it and write the path of the file
    "#);
}

#[test]
fn limits() {
    insta::assert_snapshot!(check_component("limits = { memory = '64', deadline = '0s', log-line = '1.5KiB' }"), @r#"
    4:21 expected a whole number and one of the units B, KiB, MiB, GiB, as in "64MiB"
      hint: as in `"64MiB"`
    4:38 a time limit must be longer than nothing
      hint: as in `"10s"`
    4:55 expected a whole number and one of the units B, KiB, MiB, GiB, as in "64MiB"
      hint: as in `"64MiB"`
    "#);
    insta::assert_snapshot!(check_component("limits = { handles = -1, log-lines-per-second = 4294967296 }"), @"
    4:22 `components.cart.limits.handles` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    4:49 `components.cart.limits.log-lines-per-second` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    ");
    insta::assert_snapshot!(check_component("instances = { reuse = 0, idle = 'soon' }"), @r#"
    4:23 `components.cart.instances.reuse` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    4:33 expected a whole number and one of the units ms, s, m, h, as in "10s"
      hint: as in `"10s"`
    "#);
    insta::assert_snapshot!(check_lines("[limits]\nqueue-time = '2s'\nconcurrent-requests = 0x10"), @"ok");
}

#[test]
fn allow() {
    insta::assert_snapshot!(check_component("allow = { http = [], networks = [] }"), @"ok");
    let check = |http: &str, networks: &str| {
        check_component(&format!("allow = {{ http = ['{http}'], networks = ['{networks}'] }}"))
    };
    insta::assert_snapshot!(check("api.example.com", "lan"), @r#"
    4:19 an origin begins with `http://` or `https://`
      hint: as in `"https://api.example.com"`
    4:51 "lan" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
      hint: as in `"private"`
    "#);
    insta::assert_snapshot!(check("https://api.example.com/v1", "10.1.2.3/8"), @r#"
    4:19 an origin ends with its host or port: paths are not compared
      hint: as in `"https://api.example.com"`
    4:62 the network of 10.1.2.3/8 begins at 10.0.0.0
      hint: as in `"private"`
    "#);
    insta::assert_snapshot!(check("https://api.*.com", "10.0.0.0/40"), @r#"
    4:19 a `*` stands for the whole host, for whole labels at its start (`*.example.com`) or for the port
      hint: as in `"https://api.example.com"`
    4:53 an address of IPv4 has no more than 32 bits
      hint: as in `"private"`
    "#);
}

#[test]
fn paths() {
    insta::assert_snapshot!(check_path("/"), @"ok");
    insta::assert_snapshot!(check_path("/..."), @"ok");
    insta::assert_snapshot!(check_path("/caf%C3%A9/..."), @"ok");
    insta::assert_snapshot!(check_path("cart"), @r#"
    3:47 a path begins with `/`, "cart" does not
      hint: write `/cart`
    "#);
    insta::assert_snapshot!(check_path(""), @r#"
    3:47 a path begins with `/`, "" does not
      hint: write `/`
    "#);
    insta::assert_snapshot!(check_path("/cart..."), @r#"
    3:47 `...` is only understood as the last segment, as in `/cart/...`
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path("/.../cart"), @r#"
    3:47 `...` is only understood as the last segment, as in `/cart/...`
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path("//cart/"), @r#"
    3:47 a path has no empty segments: "//cart/"
      hint: write `/cart`
    "#);
    insta::assert_snapshot!(check_path("/a/../b"), @r#"
    3:47 the path has a `.` or `..` segment
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path("/a?b=c"), @"
    3:47 a route is for a path, and '?' begins a query or a fragment
      hint: write the path alone; the component sees the query
    ");
    insta::assert_snapshot!(check_path("/%63art"), @r#"
    3:47 "/%63art" is not the normal form of this path
      hint: write `/cart`
    "#);
    insta::assert_snapshot!(check_path("/café/..."), @r#"
    3:47 "/café/..." is not the normal form of this path
      hint: write `/caf%C3%A9/...`
    "#);
    insta::assert_snapshot!(check_path("/a b"), @r#"
    3:47 the path has a character at byte 2 that no path may have
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path("/a%2fb"), @r#"
    3:47 the path has an encoded slash or backslash at byte 2
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path("/a%2"), @r#"
    3:47 the path has a `%` at byte 2 without two hex digits
      hint: as in `"/cart/..."`
    "#);
    insta::assert_snapshot!(check_path(&format!("/{}", "a".repeat(1024))), @r#"
    3:47 a path has at most 1024 bytes, this one has 1025
      hint: as in `"/cart/..."`
    "#);
}

#[test]
fn hosts() {
    let host = |host: &str| {
        check_lines(&format!("triggers.http = [{{ component = 'cart', path = '/...', host = '{host}' }}]"))
    };
    insta::assert_snapshot!(host("xn--bcher-kva.example"), @"ok");
    insta::assert_snapshot!(host("shop.example:8080"), @r#"
    3:62 a host name has no port; a route is for every port that the host listens on
      hint: as in `"shop.example.com"`
    "#);
    insta::assert_snapshot!(host("*.example.com"), @r#"
    3:62 a host name has no wildcards
      hint: as in `"shop.example.com"`
    "#);
    insta::assert_snapshot!(host("bücher.example"), @r#"
    3:62 a host name is made of letters, digits, hyphens and dots, 'ü' is not
      hint: as in `"shop.example.com"`
    "#);
    insta::assert_snapshot!(host("a..b"), @r#"
    3:62 a host name has labels of 1 to 63 characters and at most 253 in all
      hint: as in `"shop.example.com"`
    "#);
    insta::assert_snapshot!(host("https://a.example/"), @r#"
    3:62 a host name has no port; a route is for every port that the host listens on
      hint: as in `"shop.example.com"`
    "#);
}

#[test]
fn duplicate_routes() {
    let routes = |first: &str, second: &str| {
        check_lines(&format!(
            "[[triggers.http]]\ncomponent = 'cart'\n{first}\n[[triggers.http]]\ncomponent = 'cart'\n{second}"
        ))
    };
    insta::assert_snapshot!(routes("path = '/a'", "path = '/a'"), @"
    8:8 the route `/a` is there twice, for component `cart`
      5:8 the first is here
      hint: remove one of the two
    ");
    insta::assert_snapshot!(routes("path = '/a'", "path = '/a/...'"), @"ok");
    insta::assert_snapshot!(routes("path = '/a'", "path = '/a'\nhost = 'a.example'"), @"ok");
    insta::assert_snapshot!(routes("path = '/a'\nhost = 'A.example'", "path = '/a'\nhost = 'a.example'"), @"
    9:8 the route `/a` of host `a.example` is there twice, for component `cart`
      5:8 the first is here
      hint: remove one of the two
    ");
}

#[test]
fn hostile_texts() {
    let nested = (0..78).fold("1".to_string(), |inner, _| format!("{{ {}a = {inner} }}", "a.".repeat(75)));
    insta::assert_snapshot!(check(&format!("x = {nested}")).lines().next().unwrap(), @"1:69 nested more than 32 deep");
    insta::assert_snapshot!(check(&"[".repeat(100_000)).lines().next().unwrap(), @"1:3 unquoted keys cannot be empty, expected letters, numbers, `-`, `_`");
    insta::assert_snapshot!(check(&format!("{}a = 1", "a.".repeat(100_000))).lines().next().unwrap(), @"- recursion limit");
    insta::assert_snapshot!(check(&"#".repeat((1 << 20) + 1)), @"
    - the text has more than 1048576 bytes
      hint: a manifest holds no data: put it into files
    ");
}

/// Texts that look like a manifest here and there.
fn nearly_a_manifest() -> impl Strategy<Value = String> {
    let pieces = [
        "name",
        "version",
        "components",
        "cart",
        "triggers",
        "http",
        "links",
        "limits",
        "source",
        "path",
        "=",
        ".",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "\n",
        "\"",
        "'",
        "'''",
        "#",
        " ",
        "1",
        "-",
        "0x",
        "true",
        "\"a\"",
        "\"/...\"",
        "é",
        "\\u0000",
        "\"wasi:keyvalue\"",
        "\r",
        "1979-05-27",
        "nan",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        let _ = check(&text);
    }

    #[test]
    fn parsing_what_is_nearly_a_manifest_never_panics(text in nearly_a_manifest()) {
        let _ = check(&text);
    }

    #[test]
    fn a_manifest_with_a_hole_has_faults_inside_of_the_text(start in 0..EVERYTHING.len(), len in 0_usize..40) {
        let text = format!("{}{}", &EVERYTHING[..start], EVERYTHING.get(start + len..).unwrap_or_default());
        if let Err(faults) = Manifest::parse(&text) {
            prop_assert!(!faults.is_empty());
            for span in faults.iter().filter_map(|fault| fault.span.clone()) {
                prop_assert!(text.get(span.clone()).is_some(), "{span:?}");
            }
        }
    }
}
