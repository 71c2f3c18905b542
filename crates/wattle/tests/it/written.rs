//! What runs is what is written down, also when something happens between the two. A compiler that is busy keeps what is
//! applied waiting in between.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use wattle_testkit::{App, Ran, Server, guests, until};

use crate::WATTLE;
use crate::bombs::{BOMB, bare, one_function};
use crate::control::told;

/// How long ago bytes were used that nobody keeps without a reason.
const LONG_AGO: Duration = Duration::from_secs(2 * 3600);

/// A host whose compiler takes its time.
fn host(app: &App) -> Server {
    fs::write(app.join("host.toml"), "[limits]\ncompile-turn = \"10m\"\n").unwrap();
    WATTLE.host(app).args(["--config", "host.toml"]).start()
}

/// The app `page` with code of its own.
fn page(app: App, version: u8) -> App {
    let mut wasm = fs::read(guests::hello()).unwrap();
    wasm.extend([0, 3, 1, b'v', version]);
    let manifest = "name = \"page\"\n[components.web]\nsource = \"web.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n";
    app.file("page/web.wasm", wasm).file("page/wattle.toml", manifest)
}

fn records(app: &App) -> PathBuf {
    app.state_dir().join("wattle/apps")
}

/// Applies `page` and does `meanwhile` while it waits for the compiler.
fn applied(app: &App, meanwhile: impl FnOnce()) -> Ran {
    thread::scope(|scope| {
        let bomb = scope.spawn(|| WATTLE.run(app, ["apply", "bomb"]));
        let is = |name: &str, state: &str| {
            let ps = WATTLE.run(app, ["ps"]).stdout;
            ps.lines().any(|line| line.starts_with(name) && line.contains(state)).then_some(())
        };
        until("the compiler is busy", || is("default/bomb", "compiling"));
        let page = scope.spawn(|| WATTLE.run(app, ["apply", "page"]));
        until("page waits for it", || is("default/page", "waiting to compile"));
        meanwhile();
        assert!(WATTLE.run(app, ["stop", "bomb"]).is_ok());
        assert!(!bomb.join().unwrap().is_ok());
        page.join().unwrap()
    })
}

/// Nothing can be put in the place of the record of `page` as long as this is there.
struct InTheWay {
    record: PathBuf,
    aside: PathBuf,
}

impl InTheWay {
    fn of_page(app: &App) -> Self {
        let record = records(app).join("default.page.json");
        let aside = records(app).join("aside");
        let _ = fs::rename(&record, &aside);
        fs::create_dir_all(record.join("full")).unwrap();
        Self { record, aside }
    }
}

impl Drop for InTheWay {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.record).unwrap();
        let _ = fs::rename(&self.aside, &self.record);
    }
}

fn states(app: &App) -> Vec<(String, String)> {
    let ps = told(app, ["ps"]);
    let apps = ps["hosts"][0]["apps"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    apps.iter().map(|app| (text(&app["app"]), text(&app["state"]))).collect()
}

#[test]
fn or_it_is_said() {
    let app = page(bare(App::empty(), "bomb", &one_function(BOMB), 1), 1);
    let server = host(&app);
    let running = [("default/page".to_owned(), "running".to_owned())];

    // The first version of an app, which nobody would remember, does not run.
    let mut way = None;
    let ran = applied(&app, || way = Some(InTheWay::of_page(&app)));
    assert!(ran.code == Some(3) && ran.stderr.contains("default.page.json"), "{ran}");
    assert_eq!((states(&app), server.get("/").status()), (Vec::new(), 404));
    drop(way.take());
    assert!(WATTLE.run(&app, ["apply", "page"]).stdout.contains("started (generation 1)"));

    // A later one does, and is not taken for the one before.
    let app = page(app, 2);
    let ran = applied(&app, || way = Some(InTheWay::of_page(&app)));
    assert!(ran.code == Some(3) && ran.stderr.contains("it runs, and is not written down: "), "{ran}");
    assert_eq!((states(&app), server.get("/").status()), (running.to_vec(), 200));
    assert!(WATTLE.run(&app, ["describe", "page"]).stdout.contains("not written down"));
    drop(way.take());
    let app = page(app, 1);
    assert!(WATTLE.run(&app, ["apply", "page"]).stdout.contains("updated (generation 2)"));
    assert!(WATTLE.run(&app, ["apply", "page"]).stdout.contains("unchanged (generation 2)"));

    // Neither does an end go unsaid that is not written down.
    let draft = records(&app).join("default.page.json.new");
    fs::create_dir(&draft).unwrap();
    let ran = WATTLE.run(&app, ["stop", "page"]);
    assert!(
        ran.code == Some(3) && ran.stderr.contains("default/page` has ended, and that is not written down"),
        "{ran}"
    );
    assert_eq!(server.get("/").status(), 404);
    fs::remove_dir(&draft).unwrap();
    assert!(WATTLE.run(&app, ["stop", "page"]).is_ok());

    // What a host that was killed had not put in its place is removed.
    server.kill();
    fs::write(&draft, "{").unwrap();
    let server = host(&app);
    assert!(!draft.exists());
    assert!(server.stop().is_ok());
}

/// However long it takes until an app runs, what it needs is there.
#[test]
fn what_is_applied_keeps_its_bytes() {
    let app = page(bare(App::empty(), "bomb", &one_function(BOMB), 1), 3);
    let app = bare(app, "other", "", 2);
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "other"]).is_ok());
    let ran = applied(&app, || {
        age(&app.state_dir().join("wattle/artifacts"));
        assert!(WATTLE.run(&app, ["rm", "other"]).is_ok());
    });
    assert!(ran.is_ok(), "{ran}");
    server.kill();
    let server = host(&app);
    assert_eq!(server.get("/").status(), 200);
    assert!(server.stop().is_ok());
}

/// Of large manifests fewer generations are kept.
#[test]
fn what_there_is_room_for() {
    let app = page(App::empty(), 1);
    let manifest = fs::read_to_string(app.join("page/wattle.toml")).unwrap();
    let server = host(&app);
    for version in 1..=9 {
        // Each of these takes two bytes in a record, which has 16 MiB.
        let blank = "\n".repeat(1_000_000);
        fs::write(app.join("page/wattle.toml"), format!("version = \"{version}.0.0\"\n{manifest}{blank}")).unwrap();
        let ran = WATTLE.run(&app, ["apply", "page"]);
        assert!(ran.stdout.contains(&format!("(generation {version})")), "{ran}");
    }
    let ran = WATTLE.run(&app, ["rollback", "page", "1"]);
    assert!(ran.stderr.contains("kept are: 9, 8, 7, 6, 5, 4, 3, 2"), "{ran}");
    server.kill();
    let server = host(&app);
    assert!(WATTLE.run(&app, ["rollback", "page", "2"]).stdout.contains("updated (generation 10)"));
    assert!(server.stop().is_ok());
    // The last generation that there can be is the last.
    let server = host(&app);
    let ran = WATTLE.run(&app, ["apply", "--generation", "9007199254740992", "page"]);
    assert!(ran.stderr.contains("cannot be the next one") && ran.stderr.contains("at most 2^53 - 1"), "{ran}");
    assert!(WATTLE.run(&app, ["apply", "--generation", "9007199254740991", "page"]).is_ok());
    let ran = WATTLE.run(&app, ["rollback", "page"]);
    assert!(ran.stderr.contains("remove the app and apply it again"), "{ran}");
    assert!(server.stop().is_ok());
}

/// Makes every file below `folder` one that was used long ago.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => age(&path),
            false => {
                File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - LONG_AGO).unwrap()
            }
        }
    }
}
