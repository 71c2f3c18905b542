//! `wattle new`: what each template leaves, what is refused, and that there is all of an app or nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use wattle_testkit::process::{Process, Signal};
use wattle_testkit::{App, Ran};

use crate::WATTLE;

const TEMPLATES: [&str; 7] =
    ["http-rust", "http-rust-p3", "http-go", "http-js", "http-python", "http-c", "command-rust"];

fn new(app: &App, arguments: &[&str]) -> Ran {
    WATTLE.run(app, [&["new"], arguments].concat())
}

/// The paths of all files under `directory`, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

fn listing(directory: &Path) -> String {
    let files = files(directory);
    files.iter().map(|path| format!("{}\n", path.strip_prefix(directory).unwrap().display())).collect()
}

/// Names of everything in the directory of `app`.
fn entries(app: &App) -> Vec<String> {
    let names =
        fs::read_dir(app.path()).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.collect()
}

fn files_of(template: &str) -> String {
    let app = App::empty();
    let ran = new(&app, &["shop", "--template", template]);
    assert!(ran.is_ok() && ran.stdout.is_empty(), "{ran}");
    assert_eq!(entries(&app), ["shop"], "something else was left");
    listing(&app.join("shop"))
}

#[test]
fn files_of_http_rust() {
    insta::assert_snapshot!(files_of("http-rust"), @"
    .gitignore
    Cargo.toml
    README.md
    src/lib.rs
    wattle.toml
    ");
}

#[test]
fn files_of_http_rust_p3() {
    insta::assert_snapshot!(files_of("http-rust-p3"), @"
    .gitignore
    Cargo.toml
    README.md
    src/lib.rs
    wattle.toml
    ");
}

#[test]
fn files_of_http_go() {
    insta::assert_snapshot!(files_of("http-go"), @"
    .gitignore
    README.md
    adapter/wasi_snapshot_preview1.reactor.wasm
    export_wasi_http_incoming_handler/handler.go
    go.mod
    greeting/greeting.go
    greeting/greeting_test.go
    wattle.toml
    wit/app.wit
    wit/deps/clocks.wit
    wit/deps/http.wit
    wit/deps/io.wit
    ");
}

#[test]
fn files_of_http_js() {
    insta::assert_snapshot!(files_of("http-js"), @"
    .gitignore
    README.md
    package.json
    src/app.js
    src/greeting.js
    test/greeting.test.js
    wattle.toml
    wit/app.wit
    ");
}

#[test]
fn files_of_http_python() {
    insta::assert_snapshot!(files_of("http-python"), @"
    .gitignore
    README.md
    app.py
    greeting.py
    requirements.txt
    test_greeting.py
    wattle.toml
    wit/app.wit
    wit/deps/clocks.wit
    wit/deps/http.wit
    wit/deps/io.wit
    ");
}

#[test]
fn files_of_http_c() {
    insta::assert_snapshot!(files_of("http-c"), @"
    .gitignore
    README.md
    adapter/wasi_snapshot_preview1.reactor.wasm
    src/greeting.c
    src/greeting.h
    src/main.c
    test/greeting_test.c
    wattle.toml
    wit/app.wit
    wit/deps/clocks.wit
    wit/deps/http.wit
    wit/deps/io.wit
    ");
}

#[test]
fn files_of_command_rust() {
    insta::assert_snapshot!(files_of("command-rust"), @"
    .gitignore
    Cargo.toml
    README.md
    src/main.rs
    wattle.toml
    ");
}

/// Only what a build has yet to make is missing.
#[test]
fn manifests_lack_the_build_only() {
    for template in TEMPLATES {
        let app = App::empty();
        new(&app, &["shop", "--template", template]);
        let ran = WATTLE.run(&app, ["check", "shop", "--json"]);
        let checked: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let faults = checked["faults"].as_array().unwrap();
        assert_eq!(faults.len(), 1, "{template}: {ran}");
        assert_eq!(faults[0]["hint"], "run `wattle build` first", "{template}: {ran}");
    }
}

/// Nothing of a template runs before its owner says so, so nothing needs to be executable.
#[test]
fn templates_are_data() {
    use std::os::unix::fs::PermissionsExt;
    for template in TEMPLATES {
        let app = App::empty();
        new(&app, &["shop", "--template", template]);
        for file in files(&app.join("shop")) {
            let metadata = fs::symlink_metadata(&file).unwrap();
            assert!(metadata.is_file() && metadata.permissions().mode() & 0o111 == 0, "{}", file.display());
        }
    }
}

#[test]
fn next_steps() {
    insta::assert_snapshot!(new(&App::empty(), &["shop"]), @"
    exit: 0
    ----- stderr
    created shop from the template http-rust; it needs Rust with `rustup target add wasm32-wasip2`

      cd shop
      wattle build
      wattle up
    ");
    insta::assert_snapshot!(new(&App::empty(), &["shop", "--template", "http-js", "--dir", "the shop's"]), @r"
    exit: 0
    ----- stderr
    created the shop's from the template http-js; it needs Node.js 20

      cd -- 'the shop'\''s'
      npm install
      wattle build
      wattle up
    ");
    insta::assert_snapshot!(new(&App::empty(), &["7-days", "--template", "command-rust"]), @"
    exit: 0
    ----- stderr
    created 7-days from the template command-rust; it needs Rust with `rustup target add wasm32-wasip2`

      cd 7-days
      wattle build
      wattle run target/wasm32-wasip2/release/app-7-days.wasm -- Ada
    ");
}

#[test]
fn a_name_is_in_the_files() {
    let app = App::empty();
    new(&app, &["7-days"]);
    let manifest = fs::read_to_string(app.join("7-days/wattle.toml")).unwrap();
    insta::assert_snapshot!(manifest, @r#"
    name = "7-days"

    [components.7-days]
    source = "target/wasm32-wasip2/release/app_7_days.wasm"
    build = "cargo build --release --target wasm32-wasip2"

    [[triggers.http]]
    path = "/..."
    component = "7-days"
    "#);
    let cargo = fs::read_to_string(app.join("7-days/Cargo.toml")).unwrap();
    assert!(cargo.contains("name = \"app-7-days\"\n"), "{cargo}");
}

#[test]
fn the_list() {
    insta::assert_snapshot!(new(&App::empty(), &["--list"]), @"
    exit: 0
    ----- stdout
    http-rust     Rust, answers HTTP, WASI 0.2
    http-rust-p3  Rust, answers HTTP, WASI 0.3
    http-go       Go, answers HTTP, WASI 0.2
    http-js       JavaScript, answers HTTP, WASI 0.2
    http-python   Python, answers HTTP, WASI 0.2
    http-c        C, answers HTTP, WASI 0.2
    command-rust  Rust, a command with arguments and an exit code, WASI 0.2
    ");
    let ran = new(&App::empty(), &["--list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, TEMPLATES);
    assert_eq!(list[3]["setup"], "npm install");
}

#[test]
fn names_that_are_none() {
    for name in ["../shop", "/shop", ".", "a/b", "a\\b", "Shop", "my_shop", "-shop", "shop-", "", "läden", "a b"] {
        let app = App::empty();
        let ran = new(&app, &["--", name]);
        assert_eq!(ran.code, Some(2), "{name:?}: {ran}");
        assert!(entries(&app).is_empty(), "{name:?} left {:?}", entries(&app));
    }
    insta::assert_snapshot!(new(&App::empty(), &["../My Shop"]), @r#"
    exit: 2
    ----- stderr
    error: an app cannot be called "../My Shop"
      caused by: a name is made of lower-case letters, digits and inner hyphens, '.' is not
    hint: try `wattle new my-shop`
    "#);
}

#[test]
fn wrong_command_lines() {
    insta::assert_snapshot!(new(&App::empty(), &["shop", "--template", "http-ruby"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'http-ruby' for '--template <TEMPLATE>'
      [possible values: http-rust, http-rust-p3, http-go, http-js, http-python, http-c, command-rust]

      tip: a similar value exists: 'http-rust'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(new(&App::empty(), &[]), @"
    exit: 2
    ----- stderr
    error: the following required arguments were not provided:
      <NAME>

    Usage: wattle new <NAME>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(new(&App::empty(), &["shop", "--list"]), @"
    exit: 2
    ----- stderr
    error: the argument '[NAME]' cannot be used with '--list'

    Usage: wattle new <NAME>

    For more information, try '--help'.
    ");
}

#[test]
fn what_exists_stays() {
    let app = App::empty().file("shop/notes.txt", "mine").file("file", "mine");
    insta::assert_snapshot!(new(&app, &["shop"]), @"
    exit: 3
    ----- stderr
    error: shop exists and is not an empty directory
    hint: choose another name, or another place with `--dir`
    ");
    insta::assert_snapshot!(new(&app, &["shop", "--dir", "file"]), @"
    exit: 3
    ----- stderr
    error: file exists and is not an empty directory
    hint: choose another name, or another place with `--dir`
    ");
    assert_eq!(listing(app.path()), "file\nshop/notes.txt\n");
    assert_eq!(fs::read_to_string(app.join("shop/notes.txt")).unwrap(), "mine");
}

/// A link may lead anywhere.
#[test]
fn a_link_is_not_followed() {
    let app = App::empty().file("elsewhere/.keep", "");
    fs::remove_file(app.join("elsewhere/.keep")).unwrap();
    std::os::unix::fs::symlink("elsewhere", app.join("shop")).unwrap();
    assert_eq!(new(&app, &["shop"]).code, Some(3));
    assert_eq!(listing(&app.join("elsewhere")), "");
}

#[test]
fn an_empty_directory_is_filled() {
    let app = App::empty();
    let before = fs::metadata(app.path()).unwrap();
    let ran = new(&app, &["shop", "--dir", "."]);
    assert!(ran.is_ok(), "{ran}");
    assert_eq!(listing(app.path()), files_of("http-rust"));
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(app.path()).unwrap().ino(), before.ino(), "it is another directory now");
}

#[test]
fn a_place_that_is_not_there() {
    insta::assert_snapshot!(new(&App::empty(), &["shop", "--dir", "no/such/shop"]), @"
    exit: 1
    ----- stderr
    error: cannot create no/such/shop
      caused by: No such file or directory (os error 2)
    hint: make the directory that it is to be in first
    ");
}

/// Signals at every moment of it: there is a whole app, or nothing, and then it can be made.
#[test]
fn control_c_leaves_all_or_nothing() {
    let whole = files_of("http-go");
    for delay in 0..24 {
        let app = App::empty();
        let mut child =
            WATTLE.command(&app).args(["new", "shop", "--template", "http-go"]).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(delay * 500));
        Process(child.id()).signal(Signal::Interrupt);
        child.wait().unwrap();
        match entries(&app).as_slice() {
            [] => assert!(new(&app, &["shop", "--template", "http-go"]).is_ok()),
            entries => assert_eq!(entries, ["shop"], "after {delay} half milliseconds"),
        }
        assert_eq!(listing(&app.join("shop")), whole, "after {delay} half milliseconds");
    }
}
