//! Components that are called together with their caller: in one instance, each with an identity of its own.

use wattle_testkit::{App, Server};

use crate::WATTLE;

fn up(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// A `caller` that calls a `callee` together; `more` are lines of the callee's table.
fn pair(caller: &str, callee: &str, more: &str) -> App {
    App::new(&format!(
        r#"
        name = "calls"
        [components.caller]
        source = "{caller}.wasm"
        instances = {{ reuse = 1000 }}
        links = {{ "wattle:crossing" = {{ to = "callee", mode = "together" }} }}
        env = {{ NAME = "the caller" }}
        [components.callee]
        source = "{callee}.wasm"
        env = {{ NAME = "the callee" }}
        {more}
        [[triggers.http]]
        path = "/..."
        component = "caller"
        "#
    ))
}

/// The callee has its own name, variables, configuration and stores, and lives as long as its caller's instance.
#[test]
fn the_callee_is_itself() {
    let server = up(&pair("caller", "callee", "config = { who = \"itself\" }"));
    let mut client = server.connect();
    let mut get = |path: &str| client.call("GET", path, b"").summary();
    assert_eq!(get("/mirror"), "200 same");
    assert_eq!(get("/add/40/2"), "200 42");
    assert_eq!(get("/who"), "200 the callee itself 1 1");
    assert_eq!(get("/who"), "200 the callee itself 2 2");
    assert_eq!(get("/attempt/error"), "200 Err(\"as asked\") 5");
}

/// A `tailor` and the `weaver` that it calls together; these are lines of their tables.
fn cloth(tailor: &str, weaver: &str, lines: [&str; 2]) -> App {
    App::new(&format!(
        r#"
        name = "cloth"
        [components.tailor]
        source = "{tailor}.wasm"
        instances = {{ reuse = 1000 }}
        links = {{ "wattle:cloth" = {{ to = "weaver", mode = "together" }} }}
        mounts = [{{ host = "tailors", guest = "/own", access = "read" }}]
        {}
        [components.weaver]
        source = "{weaver}.wasm"
        mounts = [{{ host = "weavers", guest = "/own", access = "read" }}]
        {}
        [[triggers.http]]
        path = "/..."
        component = "tailor"
        "#,
        lines[0], lines[1]
    ))
    .file("tailors/motto", "measure twice")
    .file("weavers/motto", "over and under")
}

/// What is made by one is used by the other, and a stream of the host is read by whoever it was given to.
#[test]
fn resources_and_streams_cross() {
    let server = up(&cloth("tailor", "weaver", ["", ""]));
    assert_eq!(server.get("/sew/red/40/2").summary(), "200 red 42");
    assert_eq!(server.call("POST", "/measure", vec![0; 300_000]).summary(), "200 300000");
    let server = up(&cloth("tailor-p3", "weaver-p3", ["", ""]));
    assert_eq!(server.get("/weave/40/2").summary(), "200 42");
    assert_eq!(server.get("/twice/21").summary(), "200 42");
    assert_eq!(server.call("POST", "/dye", "a long thread").summary(), "200 A LONG THREAD");
}

/// Files, the network and the log are the callee's own, also while many calls are interleaved in one instance.
#[test]
fn everybody_has_a_world_of_its_own() {
    let app = cloth("tailor", "weaver", ["allow = { http = [\"http://self\"] }", ""]);
    let server = up(&app);
    assert_eq!(server.get("/motto").summary(), "200 over and under, measure twice");
    assert_eq!(server.get("/reach/self").summary(), "200 ErrorCode::HttpRequestDenied");
    assert_eq!(server.get("/say/hello").summary(), "200 said");
    server.log.wait_for("the weaver's line", |line| line.contains("hello") && line.contains("component=weaver"));
    server.log.wait_for("the tailor's line", |line| line.contains("said") && line.contains("component=tailor"));
    let server = up(&cloth("tailor", "weaver", ["", "allow = { http = [\"http://self\"] }"]));
    assert_eq!(server.get("/reach/self").summary(), "200 200");
    let app = cloth("tailor-p3", "weaver-p3", ["", ""]);
    let server = up(&app);
    let eight = ["over and under"; 8].join(" ");
    assert_eq!(server.get("/motto").summary(), format!("200 {eight}, measure twice"));
}

/// One instance, one fate: a trap of the callee ends the caller's request and instance, and limits are the caller's.
#[test]
fn fate_is_shared() {
    let server = up(&cloth("tailor", "weaver", ["", ""]));
    let mut client = server.connect();
    let mut get = |path: &str| client.call("GET", path, b"").summary();
    assert_eq!(get("/count"), "200 1");
    assert_eq!(get("/count"), "200 2");
    assert!(get("/tear").starts_with("500 "));
    assert_eq!(get("/count"), "200 1");
    let app = pair("caller", "callee", "config = { who = \"x\" }\nlimits = { deadline = \"60s\" }");
    let text = std::fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app = app.file(
        "wattle.toml",
        text.replacen("[components.callee]", "limits = { deadline = \"300ms\" }\n[components.callee]", 1),
    );
    assert!(up(&app).get("/attempt/spin").summary().starts_with("504 "));
}

/// A chain of three, each link of it in either way: the answers are the same, and everybody's configuration is its own.
#[test]
fn a_chain_of_three() {
    for (first, second) in [("together", "together"), ("together", "apart"), ("apart", "together")] {
        let app = App::new(&format!(
            r#"
            name = "shop"
            [components.cart]
            source = "shop-cart.wasm"
            links = {{ "shop:pricing" = {{ to = "pricing", mode = "{first}" }}, "wasi:keyvalue" = "memory" }}
            [components.pricing]
            source = "shop-pricing.wasm"
            links = {{ "shop:pricing/taxes" = {{ to = "taxes", mode = "{second}" }} }}
            config = {{ teapot = "1999", tea = "450" }}
            [components.taxes]
            source = "shop-taxes.wasm"
            config = {{ standard = "190", reduced = "70", reduced-items = "tea" }}
            [[triggers.http]]
            path = "/..."
            component = "cart"
            "#
        ));
        let server = up(&app);
        server.call("PUT", "/carts/mine/teapot", "1");
        server.call("PUT", "/carts/mine/tea", "3");
        let cart = server.get("/carts/mine").json();
        assert_eq!((&cart["total"], &cart["lines"][0]["tax"]), (&3824.into(), &95.into()), "{first}, {second}: {cart}");
    }
}

/// What does not fit is found when the app starts.
#[test]
fn types_that_differ() {
    let ran = WATTLE.up(&pair("caller-p3", "callee", "")).refused();
    let refused = "component caller cannot be joined to its imports: it cannot be called together with callee: ";
    assert!(ran.stderr.contains(refused), "{ran}");
    assert!(ran.stderr.contains("type mismatch"), "{ran}");
}

/// The code of the whole is kept, and goes by all that it is made of.
#[test]
fn compiled_once() {
    let app = pair("caller", "callee", "config = { who = \"itself\" }");
    let compiled = || {
        let server = WATTLE.up(&app).start();
        assert_eq!(server.get("/add/1/2").summary(), "200 3");
        server.log.text().matches("compiled component").count()
    };
    assert_eq!(compiled(), 2);
    assert_eq!(compiled(), 0);
}
