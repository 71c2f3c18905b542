//! What an app is asked for before it takes requests.

use std::time::Duration;

use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::resolve::resolve;

use crate::case::{Case, found, offers};
use crate::manifest::check_lines;

const CART: &str = "cart: 0.2 => wasi:http/incoming-handler@0.2.0";
const ROUTE: &str = "[[triggers.http]]\npath = '/cart/...'\ncomponent = 'cart'\n";

/// What is wrong with an app whose component answers below `/cart`, if its `[health]` has these lines.
fn check(lines: &str) -> String {
    let lines = format!("{ROUTE}[health]\n{lines}");
    Case { lines: &lines, components: CART, host: "" }.faults()
}

#[test]
fn paths() {
    for path in ["/cart", "/cart/healthz", "/cart/%7Ba%7D"] {
        assert_eq!(check(&format!("path = '{path}'")), "", "{path}");
    }
    insta::assert_snapshot!(check("path = '/carts'"), @"
    7:8 no route of the app has the path `/carts`
      hint: the paths of its routes are `/cart/...`
    ");
    let alone = Case { lines: "health.path = '/healthz'", components: CART, host: "" };
    insta::assert_snapshot!(alone.faults(), @r#"
    3:15 no route of the app has the path `/healthz`
      hint: add a trigger, as in [[triggers.http]] with `path = "/healthz"` and a component
    "#);
    insta::assert_snapshot!(check_lines("health.path = '/cart/...'"), @"
    3:15 `...` stands for many paths, and one is asked for
      hint: write the whole path, as in `/healthz`
    ");
    insta::assert_snapshot!(check_lines("health.path = 'healthz'"), @r#"
    3:15 a path begins with `/`, "healthz" does not
      hint: write `/healthz`
    "#);
    insta::assert_snapshot!(check_lines("health.path = '/healthz?deep=1'"), @"
    3:15 a route is for a path, and '?' begins a query or a fragment
      hint: write the path alone; the component sees the query
    ");
    insta::assert_snapshot!(check_lines("health.path = '/a/../b'"), @r#"
    3:15 the path has a `.` or `..` segment
      hint: as in `"/healthz"`
    "#);
}

#[test]
fn times() {
    let timeout = |lines: &str| {
        let case = format!("{ROUTE}[health]\npath = '/cart'\n{lines}");
        let app = Case { lines: &case, components: CART, host: "" }.app(&HostSpec::default()).unwrap();
        app.health.unwrap().timeout
    };
    assert_eq!(timeout(""), Duration::from_secs(30));
    assert_eq!(timeout("timeout = '2m'"), Duration::from_secs(120));
    insta::assert_snapshot!(check_lines("health = { path = '/a', timeout = '0s' }"), @r#"
    3:35 a time limit must be longer than nothing
      hint: as in `"10s"`
    "#);
    insta::assert_snapshot!(check_lines("health = { timeout = '1s', retries = 3 }"), @r#"
    3:10 the key `path` is missing in `health`
      hint: add path = "/healthz"
    3:28 unknown key `retries` in `health`
      hint: the keys here are `path` and `timeout`
    "#);
}

/// A trigger that is faulty may have had the route.
#[test]
fn faults_that_follow_from_others_are_not_told() {
    let text = "name = 'shop'\ncomponents.cart.source = 'cart.wasm'\nhealth.path = '/healthz'\n\
                [[triggers.http]]\npath = 7\ncomponent = 'cart'\n";
    let (manifest, faults) = Manifest::parse_lenient(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    let app = resolve(&manifest.unwrap(), &found(CART), &offers(), &HostSpec::default(), "/app".as_ref());
    assert!(app.is_ok(), "{:?}", app.unwrap_err());
}
