//! `wattle host backup` and `wattle host restore`: a host that lost its disk runs what it ran, with what that kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use wattle_testkit::{App, Ran, Server, guests};

use crate::WATTLE;

/// A host whose state is in `data`, and an app that keeps entries and serves a folder.
fn app() -> App {
    let manifest = "name = \"book\"\n[components.web]\nsource = \"guestbook.wasm\"\n\
                    [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
                    [[triggers.http]]\npath = \"/files/...\"\nfiles = \"public\"\n";
    let app = App::empty().file("book/guestbook.wasm", fs::read(guests::guestbook()).unwrap());
    app.file("book/wattle.toml", manifest).file("book/public/about", "a book")
}

fn host(app: &App, data: &str) -> Server {
    WATTLE.host(app).args(["--data-dir", data]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

fn keeping(app: &App, verb: &str, file: &str, data: &str) -> Ran {
    WATTLE.run(app, ["host", verb, file, "--data-dir", data])
}

#[track_caller]
fn refused(ran: &Ran, code: i32, what: &str) {
    assert!(ran.code == Some(code) && ran.stderr.contains(what) && ran.stderr.contains("hint: "), "{what}: {ran}");
}

/// What is compressed in a file, if that is whole.
fn unpacked(app: &App, file: &str) -> Option<Vec<u8>> {
    let ran = Command::new("gzip").arg("-dc").stdin(fs::File::open(app.join(file)).unwrap()).output().unwrap();
    ran.status.success().then_some(ran.stdout)
}

/// A host with an app and one entry in it, ended.
fn used(app: &App) {
    let server = host(app, "data");
    let ran = WATTLE.run(app, ["apply", "book"]);
    assert!(ran.is_ok(), "{ran}");
    let body = r#"{"name":"Ada","text":"kept"}"#;
    let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
    let request = format!("POST /api/entries HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n{body}");
    let mut connection = server.connect();
    connection.try_send(request).unwrap();
    assert_eq!(connection.try_answer("POST").unwrap().status(), 201);
    refused(&keeping(app, "backup", "early.tar.gz", "data"), 3, "is in use by process");
    assert!(server.stop().is_ok());
}

#[test]
fn what_was_kept_is_there_again() {
    let app = app();
    used(&app);
    let ran = keeping(&app, "backup", "all.tar.gz", "data");
    assert!(ran.is_ok() && ran.stdout.starts_with("wrote "), "{ran}");
    assert!(!app.join("early.tar.gz").exists());
    let mode = fs::metadata(app.join("all.tar.gz")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it has in it what apps keep");
    fs::remove_dir_all(app.join("data")).unwrap();
    fs::remove_dir_all(app.join("book")).unwrap();

    let ran = keeping(&app, "restore", "all.tar.gz", "elsewhere");
    assert!(ran.is_ok() && ran.stdout.starts_with("restored "), "{ran}");
    let server = host(&app, "elsewhere");
    let entries = server.get("/api/entries").json();
    assert_eq!(entries[0]["text"], "kept", "{entries}");
    assert_eq!(server.get("/files/about").text(), "a book");
    assert!(server.stop().is_ok());
}

/// Others read it too: it is what it says it is.
#[test]
fn it_is_a_tar_archive() {
    let app = app();
    used(&app);
    assert!(keeping(&app, "backup", "all.tar.gz", "data").is_ok());
    let listed = Command::new("tar").args(["tzf", "all.tar.gz"]).current_dir(app.path()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names: Vec<&str> = listed.lines().collect();
    assert_eq!(names.first(), Some(&"format"), "{names:?}");
    assert!(names.contains(&"apps/default.book.json") && names.contains(&"state.redb"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("code") || *name == "lock"), "{names:?}");
}

#[test]
fn what_cannot_be_backed_up() {
    let app = app();
    refused(&keeping(&app, "backup", "all.tar.gz", "data"), 2, "there is no data directory at");
    assert!(!app.join("data").exists(), "nothing is made where nothing is");
    used(&app);
    let app = app.file("taken", "mine");
    refused(&keeping(&app, "backup", "taken", "data"), 2, "is there already");
    assert_eq!(fs::read(app.join("taken")).unwrap(), b"mine");
    refused(&keeping(&app, "backup", "data/all.tar.gz", "data"), 2, "would lie in the data directory");
}

/// Of what is not whole nothing is left, and what is there is not touched.
#[test]
fn what_cannot_be_restored() {
    let app = app();
    used(&app);
    assert!(keeping(&app, "backup", "all.tar.gz", "data").is_ok());
    refused(&keeping(&app, "restore", "all.tar.gz", "data"), 3, "is not empty");

    let whole = fs::read(app.join("all.tar.gz")).unwrap();
    let app = app.file("text", "no archive").file("empty", "");
    // Wherever it is: in a name, in what a file holds, in the checksum. From where zeros are repeated does not matter.
    for byte in (0..whole.len()).step_by(whole.len() / 50) {
        let mut flipped = whole.clone();
        flipped[byte] ^= 1;
        fs::write(app.join("flipped"), &flipped).unwrap();
        if unpacked(&app, "flipped").is_some_and(|flipped| Some(flipped) == unpacked(&app, "all.tar.gz")) {
            continue;
        }
        refused(&keeping(&app, "restore", "flipped", "elsewhere"), 2, "is no whole backup of a data directory");
        assert!(!app.join("elsewhere").exists(), "byte {byte}");
    }
    fs::write(app.join("more"), [&whole[..], b"x"].concat()).unwrap();
    for part in [1, 2, 3] {
        fs::write(app.join(&format!("cut-{part}")), &whole[..whole.len() * part / 4]).unwrap();
    }
    fs::write(app.join("cut-last"), &whole[..whole.len() - 1]).unwrap();
    for file in ["text", "empty", "more", "cut-1", "cut-2", "cut-3", "cut-last"] {
        refused(&keeping(&app, "restore", file, "elsewhere"), 2, "is no whole backup of a data directory");
        assert!(!app.join("elsewhere").exists(), "{file}");
    }
    refused(&keeping(&app, "restore", "/dev/null", "elsewhere"), 2, "it is no regular file");
    refused(&keeping(&app, "restore", "nowhere", "elsewhere"), 2, "cannot read the backup nowhere");
}

/// An archive that somebody else made leads nowhere else, and a later release's is left to that.
#[test]
fn archives_of_others() {
    let app = App::empty().file("format", "1\n").file("apps", "").file("outside", "");
    std::os::unix::fs::symlink("/etc", app.join("link")).unwrap();
    let packed = |name: &str, arguments: &[&str]| {
        let ran = Command::new("tar").arg("czPf").arg(name).args(arguments).current_dir(app.path()).status();
        assert!(ran.unwrap().success());
        keeping(&app, "restore", name, "data")
    };
    refused(&packed("1", &["apps", "format"]), 2, "it has `apps` in it");
    refused(&packed("2", &["format", "link"]), 2, "it has `link` in it");
    refused(&packed("3", &["format", "--transform=s,outside,../outside,", "outside"]), 2, "it has `../outside` in it");
    let absolute = app.join("outside");
    refused(&packed("4", &["format", absolute.to_str().unwrap()]), 2, "it has `DIR/outside` in it");
    refused(&packed("5", &["format", "--transform=s,outside,lock,", "outside"]), 2, "it has `lock` in it");
    fs::write(app.join("format"), "3\n").unwrap();
    refused(&packed("6", &["format"]), 3, "has format 3, and this release reads up to 2");
    assert!(!app.join("data").exists());
}
