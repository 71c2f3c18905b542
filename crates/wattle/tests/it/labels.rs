//! Several links of one package: by the name that a component opens, and by the names that it gives its imports.

use serde_json::json;
use wattle_testkit::{App, Ran, Server, guests};

use crate::blobs::faces;
use crate::{WATTLE, run};

const DRAFT2: &str = "links = { \"wasi:keyvalue\" = \"disk\", \"wasi:keyvalue#sessions\" = \"memory\" }";
const ASYNC: &str = "links = { \"wasmcloud:keyvalue\" = \"disk\", \"wasmcloud:keyvalue#sessions\" = \"memory\" }";

/// Writes the path itself there.
fn put(server: &Server, path: &str) {
    assert_eq!(server.call("PUT", path, path).summary(), "204 ", "{path}");
}

/// What is there, for each path.
fn found(server: &Server, paths: &[&str]) -> Vec<String> {
    paths
        .iter()
        .map(|path| server.get(path))
        .map(|got| if got.status() == 404 { "-".into() } else { got.text() })
        .collect()
}

/// Disk keeps and memory forgets: what is left after a restart tells what was kept where.
fn after_a_restart(app: &App, written: &[&str]) -> Vec<String> {
    let server = WATTLE.up(app).start();
    for path in written {
        put(&server, path);
    }
    assert_eq!(found(&server, written), written);
    server.stop();
    found(&WATTLE.up(app).start(), written)
}

#[test]
fn a_name_chooses_a_link() {
    let app = App::of(&guests::state(), DRAFT2);
    let left = after_a_restart(&app, &["/kv/default/a", "/kv/sessions/a", "/kv/Sessions/a"]);
    assert_eq!(left, ["/kv/default/a", "-", "/kv/Sessions/a"], "a label is a whole name, letter by letter");
}

#[test]
fn a_name_chooses_a_link_of_the_app_or_the_host() {
    let links = "[links]\n\"wasi:keyvalue#sessions\" = \"memory\"";
    let written = ["/kv/default/a", "/kv/sessions/a"];
    assert_eq!(after_a_restart(&App::of(&guests::state(), links), &written), ["/kv/default/a", "-"]);
    let app = App::of(&guests::state(), "").file("host.toml", links);
    let host = || WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let server = host();
    written.iter().for_each(|path| put(&server, path));
    server.stop();
    assert_eq!(found(&host(), &written), ["/kv/default/a", "-"]);
}

#[test]
fn an_import_with_a_label_has_a_link_of_its_own() {
    let app = App::of(&guests::state_draft2(), DRAFT2);
    let left = after_a_restart(&app, &["/kv/b/a", "/sessions/b/a", "/archive/b/b"]);
    assert_eq!(left, ["/kv/b/a", "-", "/archive/b/b"], "without a link of its own an import has that of the package");
    let links = "links = { \"wasi:keyvalue\" = \"memory\", \"wasi:keyvalue/store@0.2.0-draft#archive\" = \"disk\" }";
    let app = App::of(&guests::state_draft2(), links);
    assert_eq!(after_a_restart(&app, &["/kv/b/a", "/sessions/b/b", "/archive/b/a"]), ["-", "-", "/archive/b/a"]);
}

/// The name of a container chooses a link, in all that is done with it, through both interfaces.
#[test]
fn a_container_chooses_a_link() {
    for face in faces() {
        for (most, archive) in [("disk", "memory"), ("memory", "disk")] {
            let links = format!("links = {{ \"{0}\" = \"{most}\", \"{0}#archive\" = \"{archive}\" }}", face.package);
            let app = App::of(&face.guest, &links);
            let server = WATTLE.up(&app).start();
            let done = |method: &str, path: &str, body: &str| {
                assert_eq!(server.call(method, path, body).summary(), "204 ", "{method} {path}");
            };
            for container in ["archive", "Archive", "kept"] {
                done("PUT", &format!("/container/{container}"), "");
            }
            done("PUT", "/object/archive/o", "old");
            done("POST", "/copy/archive/o/kept/copy", "");
            done("PUT", "/object/Archive/o", "x");
            done("POST", "/move/Archive/o/archive/moved", "");
            assert_eq!(server.get("/list/archive").json()["names"], json!(["moved", "o"]));
            assert_eq!(server.call("HEAD", "/object/kept/o", "").status(), 404, "it is not in the other");
            assert_eq!(server.get("/object/kept/copy").text(), "old");
            server.stop();
            let server = WATTLE.up(&app).start();
            let is_there =
                |container: &str| server.call("HEAD", &format!("/container/{container}"), "").status() == 204;
            let left = ["archive", "Archive", "kept"].map(is_there);
            assert_eq!(left, if archive == "disk" { [true, false, false] } else { [false, true, true] }, "{links}");
        }
    }
}

/// What one label keeps another does not see, under the same names.
#[test]
fn labels_are_apart() {
    let server = WATTLE.up(&App::of(&guests::state_draft2(), DRAFT2)).start();
    put(&server, "/sessions/b/a");
    assert_eq!(found(&server, &["/kv/b/a", "/archive/b/a", "/sessions/b/a"]), ["-", "-", "/sessions/b/a"]);
    put(&server, "/archive/b/a");
    assert_eq!(found(&server, &["/kv/b/a", "/sessions/b/a"]), ["/archive/b/a", "/sessions/b/a"]);
}

/// The same with asynchronous functions; a bucket of a labelled store goes to the interfaces that have no label.
#[test]
fn asynchronous_stores_have_labels() {
    let app = App::of(&guests::state_p3(), ASYNC);
    let left = after_a_restart(&app, &["/kv/b/a", "/kv/sessions/a", "/sessions/b/a"]);
    assert_eq!(left, ["/kv/b/a", "-", "-"]);
    let server = WATTLE.up(&app).start();
    assert_eq!(server.call("POST", "/sessions/b/n", "").summary(), "200 1");
    assert_eq!(server.call("POST", "/sessions/b/n", "").summary(), "200 2");
    assert_eq!(found(&server, &["/kv/b/n", "/sessions/b/n"]), ["-", "2"]);
}

/// The lines of `explain` about keys and values.
fn explained(app: &App) -> String {
    let said = WATTLE.run(app, ["explain"]).to_string();
    said.lines().filter(|line| line.contains(":keyvalue")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn explain_shows_labels() {
    insta::assert_snapshot!(explained(&App::of(&guests::state(), DRAFT2)), @r#"
    wasi:keyvalue/store@0.2.0-draft        backend disk    the component's links say `"wasi:keyvalue" = "disk"`
    wasi:keyvalue/atomics@0.2.0-draft      backend disk    the component's links say `"wasi:keyvalue" = "disk"`
    wasi:keyvalue/batch@0.2.0-draft        backend disk    the component's links say `"wasi:keyvalue" = "disk"`
    wasi:keyvalue#sessions                 backend memory  the component's links say `"wasi:keyvalue#sessions" = "memory"`
    "#);
    insta::assert_snapshot!(explained(&App::of(&guests::state_p3(), ASYNC)), @r#"
    wasmcloud:keyvalue/types@0.2.0           backend disk    the component's links say `"wasmcloud:keyvalue" = "disk"`
    wasmcloud:keyvalue/store@0.2.0           backend disk    the component's links say `"wasmcloud:keyvalue" = "disk"`
    wasmcloud:keyvalue/atomics@0.2.0         backend disk    the component's links say `"wasmcloud:keyvalue" = "disk"`
    wasmcloud:keyvalue/cas@0.2.0             backend disk    the component's links say `"wasmcloud:keyvalue" = "disk"`
    wasmcloud:keyvalue/batch@0.2.0           backend disk    the component's links say `"wasmcloud:keyvalue" = "disk"`
    wasmcloud:keyvalue/store@0.2.0#sessions  backend memory  the component's links say `"wasmcloud:keyvalue#sessions" = "memory"`; else backend disk
    wasmcloud:keyvalue#sessions              backend memory  the component's links say `"wasmcloud:keyvalue#sessions" = "memory"`
    "#);
    let ran = WATTLE.run(&App::of(&guests::state_draft2(), DRAFT2), ["explain", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let imports = json["components"][0]["imports"].as_array().unwrap();
    let labelled = |import: &&serde_json::Value| import["import"].as_str().is_some_and(|import| import.contains('#'));
    let labelled: Vec<_> =
        imports.iter().filter(labelled).map(|import| format!("{} {}", import["import"], import["backend"])).collect();
    insta::assert_snapshot!(labelled.join("\n"), @r#"
    "wasi:keyvalue/store@0.2.0-draft2#sessions" "memory"
    "wasi:keyvalue/store@0.2.0-draft#archive" "disk"
    "wasi:keyvalue#sessions" "memory"
    "#);
}

#[test]
fn refusals() {
    let refused = |guest: &std::path::Path, links: &str| WATTLE.up(&App::of(guest, links)).refused().to_string();
    insta::assert_snapshot!(refused(&guests::state(), "links = { \"wasi:keyvalue#\" = \"memory\" }"), @r#"
    exit: 2
    ----- stderr
    error: a label must not be empty
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue#" = "memory" }
      |           ^^^^^^^^^^^^^^^^
      |
      = hint: as in `"wasi:keyvalue"`
    "#);
    insta::assert_snapshot!(refused(&guests::state(), "links = { \"wasi:keyvalue#my session\" = \"memory\" }"), @r#"
    exit: 2
    ----- stderr
    error: a label is made of letters, digits, `-`, `_` and `.`, ' ' is not
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue#my session" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: as in `"wasi:keyvalue"`
    "#);
    insta::assert_snapshot!(refused(&guests::hello(), "links = { \"wasi:keyvalue#sessions\" = \"memory\" }"), @r#"
    exit: 2
    ----- stderr
    error: component `hello` imports nothing of `wasi:keyvalue#sessions`
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue#sessions" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: the imports are of `wasi:http` and `wasi:io`
    "#);
    insta::assert_snapshot!(refused(&guests::state(), "links = { \"wasi:keyvalue#sessions\" = \"redis\" }"), @r#"
    exit: 2
    ----- stderr
    error: there is no backend `redis`
     --> ./wattle.toml:4:38
      |
    4 | links = { "wasi:keyvalue#sessions" = "redis" }
      |                                      ^^^^^^^
      |
      = hint: the backends are `disk` and `memory`; to have another, add:
              [backends.redis]
              type = "disk"
    "#);
    let clocks = r#"(component (import "mine" (implements "wasi:clocks/wall-clock@0.2.0") (instance)))"#;
    let checked = WATTLE.run(&App::empty().file("clocks.wat", clocks), ["check", "clocks.wat"]);
    insta::assert_snapshot!(checked.to_string(), @"
    exit: 2
    ----- stderr
    error: component `clocks` imports `wasi:clocks/wall-clock@0.2.0` as `mine`, and there is only one of it
    --> clocks.wat
     = hint: it keeps no state: import it without a label

    error: component `clocks` does not answer HTTP requests
    --> clocks.wat
     = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports nothing
    ");
}

/// Only what is opened can be had more than once.
#[test]
fn an_import_that_opens_nothing_has_no_label() {
    let batch = r#"(component (import "mine" (implements "wasi:keyvalue/batch@0.2.0-draft") (instance)))"#;
    let app = App::empty().file("batch.wat", batch);
    let ran = Ran::of(&mut run::command(&app, &["--link", "wasi:keyvalue=memory", "batch.wat"])).cleaned(&app);
    insta::assert_snapshot!(ran.to_string(), @"
    exit: 2
    ----- stderr
    error: component `batch` imports `wasi:keyvalue/batch@0.2.0-draft` as `mine`, and there is only one of it
    --> batch.wat
     = hint: what it works on comes from `wasi:keyvalue/store@0.2.0-draft`: give the label to that
    ");
}

/// A slip is told with the labels that there are.
#[test]
fn labels_that_nothing_has() {
    let refused = |label: &str| {
        let links = format!("links = {{ \"wasi:keyvalue#{label}\" = \"memory\" }}");
        let store =
            |name: &str| format!(r#"(import "{name}" (implements "wasi:keyvalue/store@0.2.0-draft") (instance))"#);
        let app = App::new(&format!("name = \"a\"\n[components.a]\nsource = \"a.wat\"\n{links}\n"));
        let app = app.file("a.wat", format!("(component {}{})", store("sessions"), store("archive")));
        WATTLE.run(&app, ["check"]).to_string()
    };
    insta::assert_snapshot!(refused("session"), @r#"
    exit: 2
    ----- stderr
    error: component `a` imports nothing of `wasi:keyvalue#session`
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue#session" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:keyvalue#sessions`?
    "#);
    insta::assert_snapshot!(refused("cache"), @r#"
    exit: 2
    ----- stderr
    error: component `a` imports nothing of `wasi:keyvalue#cache`
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue#cache" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: what it imports of that package under a label is called `archive` and `sessions`
    "#);
}

#[test]
fn a_command_has_labels_too() {
    let (app, guest) = (App::empty(), guests::tally());
    let run = |label: &str| {
        let link = format!("wasi:keyvalue{label}=memory");
        let arguments = ["--data-dir", "data", "--link", &link, guest.to_str().unwrap()];
        Ran::of(&mut run::command(&app, &arguments)).stdout
    };
    assert_eq!((run("#other"), run("#other")), ("1\n".into(), "2\n".into()), "on disk, as nothing opens that name");
    assert_eq!((run("#tally"), run("#tally")), ("1\n".into(), "1\n".into()));
    assert_eq!(run("#other"), "3\n");
}
