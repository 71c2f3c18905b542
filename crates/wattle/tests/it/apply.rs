//! `wattle apply` of several at once: routes that go from one app to another, and errors that say of which app they are.

use wattle_testkit::{App, guests};

use crate::WATTLE;
use crate::daemon::host;

/// The app `name`, which answers below each of `paths`.
fn with_routes(app: App, name: &str, paths: &[&str]) -> App {
    let route = |path: &&str| format!("[[triggers.http]]\npath = \"{path}\"\ncomponent = \"web\"\n");
    let routes: String = paths.iter().map(route).collect();
    let manifest = format!("name = \"{name}\"\n[components.web]\nsource = \"../hello.wasm\"\n{routes}");
    app.file(&format!("{name}/wattle.toml"), manifest)
}

fn apps(apps: &[(&str, &[&str])]) -> App {
    apps.iter().fold(App::empty().guest(&guests::hello()), |app, (name, paths)| with_routes(app, name, paths))
}

/// Whoever takes a route is named before whoever gives it up, and waits for that.
#[test]
fn routes_go_from_one_to_another() {
    let app = apps(&[("a", &["/a/..."]), ("b", &["/b/...", "/y/..."]), ("c", &["/c/...", "/z/..."])]);
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a", "b", "c"]).is_ok());
    let app = with_routes(app, "a", &["/a/...", "/y/..."]);
    let app = with_routes(app, "b", &["/b/...", "/z/..."]);
    let app = with_routes(app, "c", &["/c/..."]);
    let ran = WATTLE.run(&app, ["apply", "a", "b", "c"]);
    assert!(ran.is_ok() && ran.stderr.is_empty(), "{ran}");
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "c"].map(|name| format!("default/{name} updated (generation 2)")));
    for path in ["/a/", "/b/", "/c/", "/y/", "/z/"] {
        assert_eq!(server.get(path).status(), 200, "{path}");
    }
    let json = WATTLE.run(&app, ["apply", "--json", "c", "a"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json[0]["app"], &json[1]["app"]), (&"default/c".into(), &"default/a".into()), "as they are named");
}

/// Nobody waits for a route that no app gives up.
#[test]
fn routes_that_nobody_gives_up() {
    let app = apps(&[("a", &["/a/..."]), ("b", &["/b/..."])]);
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a", "b"]).is_ok());
    let app = with_routes(with_routes(app, "a", &["/b/..."]), "b", &["/a/..."]);
    let ran = WATTLE.run(&app, ["apply", "a", "./b/wattle.toml"]);
    insta::assert_snapshot!(ran, @r"
    exit: 2
    ----- stderr
    error: a (default/a): the app cannot start
      caused by: the route /b/... belongs to the app default/b already
    hint: change `host` or `path` of [[triggers.http]] in one of the two, or stop the other app: `wattle stop default/b`
    error: ./b/wattle.toml (default/b): the app cannot start
      caused by: the route /a/... belongs to the app default/a already
    hint: change `host` or `path` of [[triggers.http]] in one of the two, or stop the other app: `wattle stop default/a`
    ");
    assert_eq!((server.get("/a/").status(), server.get("/b/").status()), (200, 200));
}

/// Each error says of what it is, and so does that of one alone.
#[test]
fn errors_name_what_was_applied() {
    let app = apps(&[("shop", &["/shop/..."]), ("rival", &["/shop/..."])]);
    let app = app.file("broken/wattle.toml", "name = \"shop\"\n[components.web]\nsauce = \"hello.wasm\"\n");
    let _server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "shop"]).is_ok());
    let all = WATTLE.run(&app, ["apply", "broken", "rival", "nowhere"]);
    let ones = [
        "error: broken (default/shop): there are faults in",
        "error: rival (default/rival): ",
        "error: nowhere: cannot read ",
    ];
    assert!(ones.iter().all(|one| all.stderr.contains(one)), "{all}");
    let alone = WATTLE.run(&app, ["apply", "rival"]);
    assert!(alone.code == Some(2) && alone.stderr.starts_with("error: rival (default/rival): "), "{alone}");
    assert!(alone.stderr.contains("hint: change `host` or `path` of [[triggers.http]]"), "{alone}");
    assert!(alone.stderr.contains("`wattle stop default/shop`"), "{alone}");
}
