//! A data directory of an older release: `wattle host` backs it up, brings it to its own format, and runs what ran there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wattle_spec::digest::Digest;
use wattle_testkit::{App, Server, guests, until};

use crate::WATTLE;
use crate::control::told;

/// What a host of format 1 left: `shop`, as the first of these releases wrote it; `blog`, as the last one did; and a record
/// that is cut off.
fn older() -> App {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/format-1");
    let hello = fs::read(guests::hello()).unwrap();
    let digest = Digest::of(&hello);
    let app = App::empty().file(&format!("data/artifacts/blobs/sha256/{}", digest.hex()), hello);
    let directory = app.path().display().to_string();
    tree(&fixture).into_iter().fold(app, |app, (path, text)| {
        let text = String::from_utf8(text).unwrap().replace("DIR", &directory).replace("HELLO", &digest.to_string());
        app.file(&format!("data/{}", path.display()), text)
    })
}

fn host(app: &App) -> Server {
    WATTLE.host(app).args(["--data-dir", "data"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// How the apps of the only host are, without their namespaces.
#[track_caller]
fn states(app: &App) -> Vec<(String, String, Option<u64>)> {
    let ps = told(app, ["ps"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let apps = ps["hosts"][0]["apps"].as_array().unwrap().iter();
    apps.map(|app| (text(&app["app"]), text(&app["state"]), app["generation"].as_u64())).collect()
}

/// What is in a data directory: files by their paths. Whose it is does not count, nor the backups in it.
fn tree(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(directory: &Path, below: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()) {
            let below = below.join(entry.file_name());
            match entry.path().is_dir() {
                true => add(&entry.path(), &below, tree),
                false => _ = tree.insert(below, fs::read(entry.path()).unwrap()),
            }
        }
    }
    let mut all = BTreeMap::new();
    add(data, Path::new(""), &mut all);
    all.retain(|path, _| path != Path::new("lock") && !path.starts_with("backups"));
    all
}

fn record(app: &App, name: &str) -> Value {
    serde_json::from_slice(&fs::read(app.join(&format!("data/apps/{name}.json"))).unwrap()).unwrap()
}

/// It runs what ran, and answers.
#[track_caller]
fn runs(app: &App, server: &Server) {
    let is = |name: &str, state: &str, generation| (name.to_owned(), state.to_owned(), generation);
    let broken = is("default/broken", "failed", None);
    assert_eq!(states(app), [broken, is("default/shop", "asleep", Some(2)), is("team/blog", "stopped", Some(1))]);
    assert_eq!(server.get("/shop/").text(), "Hello from Wattle\n");
    assert_eq!(fs::read_to_string(app.join("data/format")).unwrap(), "2\n");
    assert!(!app.join("data/migration").exists());
}

#[test]
fn it_comes_back_with_its_apps() {
    let app = older();
    let before = tree(&app.join("data"));
    let server = host(&app);
    server.log.wait_for("a damaged record", |line| line.contains("does not say what is to run"));
    runs(&app, &server);
    let events = WATTLE.run(&app, ["events"]).stdout;
    let migrated = "host: the data directory was migrated from format 1 to 2; what was in it before is in \
                    DIR/data/backups/format-1.tar.gz";
    assert!(events.contains(migrated), "{events}");
    let log = server.cleaned_log(&app);
    assert!(log.contains("the data directory was migrated") && log.contains("format-1.tar.gz"), "{log}");
    let shop = record(&app, "default.shop");
    let doors = json!({ "routes": [{ "path": "/shop/..." }], "stays_awake": false });
    assert_eq!(
        (&shop["format"], &shop["generations"][0]["doors"], &shop["generations"][1]["doors"]),
        (&json!(2), &doors, &doors)
    );
    let blog = record(&app, "team.blog");
    assert_eq!(blog["generations"][0]["doors"]["routes"], json!([{ "host": "blog.example", "path": "/..." }]));
    let ran = WATTLE.run(&app, ["rollback", "shop"]);
    assert_eq!(ran.stdout, "default/shop updated (generation 3)\n", "{ran}");
    assert!(server.stop().is_ok());

    // What was there is what the older release gets back.
    let ran = WATTLE.run(&app, ["host", "restore", "data/backups/format-1.tar.gz", "--data-dir", "again"]);
    assert!(ran.is_ok(), "{ran}");
    assert_eq!(tree(&app.join("again")), before);
    let log = host(&app).stop().stderr;
    assert!(!log.contains("migrated"), "once is enough: {log}");
    assert_eq!(fs::read_dir(app.join("data/backups")).unwrap().count(), 1);
}

/// A backup of an older release is one of that, and is migrated when it runs.
#[test]
fn out_of_a_backup() {
    let app = older();
    let keeping = |verb: &str, data: &str| {
        let ran = WATTLE.run(&app, ["host", verb, "all.tar.gz", "--data-dir", data]);
        assert!(ran.is_ok(), "{ran}");
    };
    let before = tree(&app.join("data"));
    keeping("backup", "data");
    assert_eq!(tree(&app.join("data")), before);
    fs::remove_dir_all(app.join("data")).unwrap();
    keeping("restore", "data");
    assert_eq!(tree(&app.join("data")), before);
    let server = host(&app);
    runs(&app, &server);
}

/// Records become what they would be if their apps were applied now.
#[test]
fn records_are_as_if_applied_now() {
    let app = App::empty();
    let table = |name: &str| format!("[{name}.web]\nsource = \"{{guest}}.wasm\"\n");
    let routes = "[[triggers.http]]\npath = \"/{name}/...\"\ncomponent = \"web\"\n\
                  [[triggers.http]]\nhost = \"A.example\"\npath = \"/{name}\"\ncomponent = \"web\"\n";
    let apps = [
        ("pages", "hello", table("components") + routes),
        ("job", "command", table("services") + "env = { COMMAND = \"wait\" }\n"),
        ("tick", "command", table("components") + "[[triggers.cron]]\nschedule = \"0 0 1 1 *\"\ncomponent = \"web\"\n"),
    ];
    let app = apps.iter().fold(app, |app, (name, guest, text)| {
        let text = format!("name = \"{name}\"\n{text}").replace("{name}", name).replace("{guest}", guest);
        let (_, wasm) = guests::all().into_iter().find(|(file, _)| file == guest).unwrap();
        app.file(&format!("{name}/wattle.toml"), text).file(&format!("{name}/{guest}.wasm"), fs::read(wasm).unwrap())
    });
    let server = host(&app);
    for (name, ..) in &apps {
        let ran = WATTLE.run(&app, ["apply", name]);
        assert!(ran.is_ok(), "{ran}");
    }
    assert!(server.stop().code.is_some());
    let now = tree(&app.join("data"));
    for (name, ..) in &apps {
        let mut record = record(&app, &format!("default.{name}"));
        record["format"] = json!(1);
        assert!(record["generations"][0].as_object_mut().unwrap().remove("doors").is_some());
        fs::write(app.join(&format!("data/apps/default.{name}.json")), record.to_string()).unwrap();
    }
    fs::write(app.join("data/format"), "1\n").unwrap();
    assert!(host(&app).stop().code.is_some());
    let records = |mut tree: BTreeMap<PathBuf, Vec<u8>>| {
        tree.retain(|path, _| path.starts_with("apps"));
        tree.into_iter().map(|(path, text)| (path, serde_json::from_slice(&text).unwrap())).collect::<Vec<(_, Value)>>()
    };
    assert_eq!(records(tree(&app.join("data"))), records(now));
}

/// An app whose manifest this release does not understand is started with the host, and its state says why it does not run.
#[test]
fn a_manifest_with_faults() {
    let app = older();
    let path = app.join("data/apps/default.shop.json");
    let text = fs::read_to_string(&path).unwrap().replace("[components.web]", "[compotents.web]");
    fs::write(&path, text).unwrap();
    let server = host(&app);
    server.log.wait_for("why it does not run", |line| line.contains("the app does not run"));
    assert_eq!(states(&app)[0].1, "failed");
    assert_eq!(record(&app, "default.shop")["generations"][0]["doors"], json!({ "routes": [], "stays_awake": true }));
}

/// A host that is killed while it makes the backup, or between two records, loses nothing.
#[test]
fn killed_on_the_way() {
    let app = older();
    let before = tree(&app.join("data"));
    // It takes no room, and a long time.
    fs::File::create(app.join("data/large")).unwrap().set_len(1 << 40).unwrap();
    let begun = WATTLE.host(&app).args(["--data-dir", "data"]).spawn();
    let part = app.join("data/backups/format-1.tar.gz.new");
    until("it is being backed up", || fs::metadata(&part).is_ok_and(|part| part.len() > 0).then_some(()));
    begun.kill();
    fs::remove_file(app.join("data/large")).unwrap();
    assert_eq!(tree(&app.join("data")), before);
    let server = host(&app);
    runs(&app, &server);
    server.kill();

    // As if one had been killed when one of two was done.
    let shop = Path::new("apps/default.shop.json");
    fs::write(app.join("data").join(shop), &before[shop]).unwrap();
    fs::write(app.join("data/migration"), "format-1.tar.gz\n").unwrap();
    fs::write(app.join("data/format"), "1\n").unwrap();
    let server = host(&app);
    runs(&app, &server);
    assert_eq!(fs::read_dir(app.join("data/backups")).unwrap().count(), 1, "the first one is that of before");
}

/// Without a backup nothing is changed, and nothing runs.
#[test]
fn no_place_for_a_backup() {
    let app = older().file("data/backups", "mine");
    let before = tree(&app.join("data"));
    let ran = WATTLE.host(&app).args(["--data-dir", "data"]).refused();
    assert_eq!(ran.code, Some(3), "{ran}");
    let causes = [
        "cannot use the data directory",
        "DIR/data has format 1 and is not brought to format 2 without a backup",
        "DIR/data/backups is not a directory",
    ];
    causes.iter().for_each(|cause| assert!(ran.stderr.contains(cause), "{cause}: {ran}"));
    assert_eq!(tree(&app.join("data")), before);
    fs::remove_file(app.join("data/backups")).unwrap();
    runs(&app, &host(&app));
}

/// What only reads takes nothing and changes nothing.
#[test]
fn what_only_reads() {
    let app = older().file("shop/wattle.toml", "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n");
    fs::copy(guests::hello(), app.join("shop/hello.wasm")).unwrap();
    let before = tree(&app.join("data"));
    for verb in ["check", "explain"] {
        let ran = WATTLE.run(&app, [verb, "shop", "--data-dir", "data"]);
        assert!(ran.is_ok(), "{ran}");
    }
    assert!(WATTLE.run(&app, ["ps"]).code.is_some());
    assert_eq!(tree(&app.join("data")), before);
    assert!(!app.join("data/backups").exists() && !app.join("data/lock").exists());
}

/// So is the directory of one app, with what that keeps.
#[test]
fn of_one_app() {
    let app = App::of(&guests::state(), "");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.call("PUT", "/kv/a/one", "first").status(), 204);
    assert!(server.stop().is_ok());
    fs::write(app.data_dir().join("format"), "1\n").unwrap();
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/kv/a/one").summary(), "200 first");
    assert!(app.data_dir().join("backups/format-1.tar.gz").exists());
}
