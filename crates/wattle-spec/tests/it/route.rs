//! Routes: patterns, normal paths, and that the table agrees with a naive reference.

use proptest::prelude::*;
use wattle_spec::route::{PathPattern, RouteTable, host_of, normalize_path};

/// The normal form of a path, or why it has none.
fn normal(path: &str) -> String {
    normalize_path(path).map_or_else(|error| error.to_string(), |path| path.into_owned())
}

#[test]
fn normal_forms() {
    let cases = [
        "/",
        "/cart",
        "/cart/",
        "//cart//",
        "/a.b/...",
        "/%63art",
        "/%7Ea",
        "/a%c3%a9",
        "/café",
        "/a:b%3ab",
        "/%252e",
        "cart",
        "",
        "*",
        "/.",
        "/..",
        "/a/./b",
        "/a/%2e%2E/b",
        "/.%2e",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00b",
        "/a%0ab",
        "/a b",
        "/a\u{7f}",
        "/a%7f",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%+1",
    ];
    let table: Vec<String> = cases.iter().map(|path| format!("{path:?} {}", normal(path))).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    "/" /
    "/cart" /cart
    "/cart/" /cart/
    "//cart//" //cart//
    "/a.b/..." /a.b/...
    "/%63art" /cart
    "/%7Ea" /~a
    "/a%c3%a9" /a%C3%A9
    "/café" /caf%C3%A9
    "/a:b%3ab" /a:b%3Ab
    "/%252e" /%252e
    "cart" the path does not begin with `/`
    "" the path does not begin with `/`
    "*" the path does not begin with `/`
    "/." the path has a `.` or `..` segment
    "/.." the path has a `.` or `..` segment
    "/a/./b" the path has a `.` or `..` segment
    "/a/%2e%2E/b" the path has a `.` or `..` segment
    "/.%2e" the path has a `.` or `..` segment
    "/a%2Fb" the path has an encoded slash or backslash at byte 2
    "/a%5cb" the path has an encoded slash or backslash at byte 2
    "/a\\b" the path has a character at byte 2 that no path may have
    "/a%00b" the path has a character at byte 2 that no path may have
    "/a%0ab" the path has a character at byte 2 that no path may have
    "/a b" the path has a character at byte 2 that no path may have
    "/a\u{7f}" the path has a character at byte 2 that no path may have
    "/a%7f" the path has a character at byte 2 that no path may have
    "/a%" the path has a `%` at byte 2 without two hex digits
    "/a%2" the path has a `%` at byte 2 without two hex digits
    "/a%zz" the path has a `%` at byte 2 without two hex digits
    "/a%+1" the path has a `%` at byte 2 without two hex digits
    "#);
}

#[test]
fn hosts_of_requests() {
    let cases = ["a.example", "A.Example:8080", "a.example.", "a.example.:80", "[::1]:8080", "[::1]", "", ":80", "a:b"];
    let table: Vec<String> = cases.iter().map(|host| format!("{host:?} {:?}", host_of(host))).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    "a.example" "a.example"
    "A.Example:8080" "a.example"
    "a.example." "a.example"
    "a.example.:80" "a.example"
    "[::1]:8080" "[::1]"
    "[::1]" "[::1]"
    "" ""
    ":80" ""
    "a:b" "a:b"
    "#);
}

const ROUTES: [&str; 9] = [
    "/...",
    "/cart",
    "/cart/...",
    "/cart/items/...",
    "/cart/items/new",
    "a.example/...",
    "a.example/cart",
    "/empty/",
    "b.example/only",
];

/// A route as `host/path`.
fn split(route: &str) -> (Option<&str>, PathPattern) {
    let (host, path) = route.split_at(route.find('/').unwrap());
    ((!host.is_empty()).then_some(host), path.parse().unwrap())
}

fn table<'a>(routes: &[&'a str]) -> RouteTable<&'a str> {
    let mut table = RouteTable::new();
    for route in routes {
        let (host, path) = split(route);
        table.insert(host, &path, *route).unwrap();
    }
    table
}

#[test]
fn the_most_specific_route_wins() {
    let table = table(&ROUTES);
    let requests = [
        "/",
        "/x",
        "/cart",
        "/cart/",
        "/cart/x",
        "/cartx",
        "/cart/items",
        "/cart/items/new",
        "/cart/items/new/x",
        "/empty",
        "/empty/",
        "//cart",
        "a.example/",
        "a.example/cart",
        "a.example/cart/x",
        "b.example/only",
        "b.example/cart",
    ];
    let line = |request: &&str| {
        let (host, path) = request.split_at(request.find('/').unwrap());
        format!("{request} -> {}", table.get(host, path).unwrap())
    };
    insta::assert_snapshot!(requests.iter().map(line).collect::<Vec<_>>().join("\n"), @"
    / -> /...
    /x -> /...
    /cart -> /cart
    /cart/ -> /cart/...
    /cart/x -> /cart/...
    /cartx -> /...
    /cart/items -> /cart/items/...
    /cart/items/new -> /cart/items/new
    /cart/items/new/x -> /cart/items/...
    /empty -> /...
    /empty/ -> /empty/
    //cart -> /...
    a.example/ -> a.example/...
    a.example/cart -> a.example/cart
    a.example/cart/x -> a.example/...
    b.example/only -> b.example/only
    b.example/cart -> /cart
    ");
}

#[test]
fn no_route_at_all() {
    assert_eq!(table(&["/cart"]).get("a.example", "/"), None);
    assert_eq!(RouteTable::<()>::new().get("a.example", "/"), None);
}

#[test]
fn an_equal_route_is_refused_and_changes_nothing() {
    let mut table = table(&["/cart/..."]);
    assert_eq!(table.insert(None, &"/cart/...".parse().unwrap(), "later"), Err("/cart/..."));
    assert_eq!(table.get("", "/cart"), Some(&"/cart/..."));
}

/// Paths of few segments, so that routes and requests meet.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "c"]), 0..5)
        .prop_map(|segments| format!("/{}", segments.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    let prefix = path().prop_map(|path| if path == "/" { "/...".into() } else { format!("{path}/...") });
    prop_oneof![path(), prefix]
}

fn host() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a.example", "b.example"])
}

/// How specific a route is: what [`RouteTable`] promises, said once more and simply.
fn specificity((host, path): &(Option<&str>, PathPattern)) -> (bool, bool, usize) {
    match path {
        PathPattern::Exact(path) => (host.is_some(), true, path.len()),
        PathPattern::Prefix(path) => (host.is_some(), false, path.len()),
    }
}

proptest! {
    #[test]
    fn a_lookup_agrees_with_a_search(
        routes in prop::collection::hash_map((host(), pattern()), any::<()>(), 0..40),
        requests in prop::collection::vec((host(), path()), 20),
    ) {
        let routes: Vec<String> = routes.keys().map(|(host, path)| format!("{host}{path}")).collect();
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        let table = table(&routes);
        for (host, path) in &requests {
            let fits = |route: &&&str| {
                let (of, pattern) = split(route);
                of.is_none_or(|of| of == *host) && pattern.matches(path)
            };
            let found = routes.iter().filter(fits).max_by_key(|route| specificity(&split(route)));
            prop_assert_eq!(table.get(host, path), found, "{}{}", host, path);
        }
    }

    /// What is taken out leaves the rest as if it had never been there, and copies as they were.
    #[test]
    fn a_table_without_some_of_its_routes(
        routes in prop::collection::hash_map((host(), pattern()), any::<bool>(), 0..40),
        requests in prop::collection::vec((host(), path()), 20),
    ) {
        let text = |(host, path): &(&str, String)| format!("{host}{path}");
        let all: Vec<String> = routes.keys().map(text).collect();
        let stay: Vec<String> = routes.iter().filter(|(_, stays)| **stays).map(|(route, _)| text(route)).collect();
        let [all, stay] = [&all, &stay].map(|routes| routes.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = table(&all);
        let mut left = whole.clone();
        for (route, _) in routes.iter().filter(|(_, stays)| !**stays) {
            let text = text(route);
            let (host, path) = split(&text);
            prop_assert_eq!(left.remove(host, &path), Some(text.as_str()));
            prop_assert_eq!(left.remove(host, &path), None);
            prop_assert_eq!(left.holder(host, &path), None);
            prop_assert_eq!(whole.holder(host, &path), Some(&text.as_str()));
        }
        let without = table(&stay);
        let before = table(&all);
        for (host, path) in &requests {
            prop_assert_eq!(left.get(host, path), without.get(host, path), "{}{}", host, path);
            prop_assert_eq!(whole.get(host, path), before.get(host, path), "{}{}", host, path);
        }
    }

    #[test]
    fn patterns_come_back_as_they_were_written(text in pattern()) {
        prop_assert_eq!(text.parse::<PathPattern>().unwrap().to_string(), text);
    }

    #[test]
    fn reading_a_pattern_never_panics(text in "/?[a-z./%?#é \\\\]{0,12}(\\.\\.\\.)?") {
        if let Ok(pattern) = text.parse::<PathPattern>() {
            prop_assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn a_normal_form_is_normal(path in "/([a-z./%é]|%[0-9a-fA-F]{2}){0,12}") {
        if let Ok(normal) = normalize_path(&path) {
            let again = normalize_path(&normal);
            prop_assert_eq!(again.as_deref(), Ok(normal.as_ref()));
        }
    }

    #[test]
    fn a_normal_path_is_not_copied(path in path()) {
        prop_assert!(matches!(normalize_path(&path), Ok(std::borrow::Cow::Borrowed(_))));
    }

    #[test]
    fn normalizing_never_panics(path in any::<String>()) {
        let _ = normalize_path(&path);
    }
}
