//! What components are told and what they say: configuration from a backend, secrets, log lines without a version.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::disk::{DataDir, DiskKeyValue, DiskOptions};
use wattle_backend::key_value::KeyValue;
use wattle_spec::name::AppId;
use wattle_testkit::{App, Ran, Up, guests};

use crate::WATTLE;

const CANARY: &str = "canary-9c1d";

fn vault(more: &str) -> App {
    App::of(&guests::vault(), more)
}

/// A bucket of the app `name`.
pub(crate) fn bucket_of(name: &str, bucket: &str) -> Bucket {
    let app = AppId::in_default_namespace(name.parse().expect("a name"));
    Bucket { owner: Owner::App(app), name: bucket.into() }
}

/// Writes what an operator would, while no host uses the directory.
pub(crate) fn keep(app: &App, bucket: &Bucket, key: &str, value: &[u8]) {
    let data = Arc::new(DataDir::open(app.data_dir()).expect("open the data directory"));
    let store = DiskKeyValue::open(data, DiskOptions::default()).expect("open the store");
    let set = store.set(bucket, key, value.to_vec().into());
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(set).expect("write");
}

/// What is said when it is refused, without what is logged on the way.
pub(crate) fn refused(up: Up<'_>, app: &App) -> String {
    up.env("WATTLE_LOG", "error").refused().cleaned(app).to_string()
}

#[test]
fn configuration_of_the_older_interface() {
    let server = WATTLE.up(&vault("config = { currency = \"EUR\" }")).start();
    assert_eq!(server.get("/config/currency").summary(), "200 EUR");
    assert_eq!(server.get("/config/none").summary(), "404 no such key");
}

#[test]
fn configuration_of_a_backend_comes_first() {
    let app = vault("config = { currency = \"EUR\", region = \"eu\" }\nlinks = { \"wasi:config\" = \"disk\" }");
    keep(&app, &bucket_of("vault", "config_vault"), "currency", b"SEK");
    keep(&app, &bucket_of("vault", "config_vault"), "broken", b"\xff");
    keep(&app, &bucket_of("vault", "config_other"), "region", b"us");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/config/currency").summary(), "200 SEK");
    assert_eq!(server.get("/config/region").summary(), "200 eu");
    assert_eq!(server.get("/config/broken").summary(), "502 the value of \"broken\" is not text");
}

#[test]
fn log_lines_without_a_version() {
    let server = WATTLE.up(&vault("")).start();
    assert_eq!(server.call("POST", "/log/hello-there", "").status(), 200);
    let log = server.stop().stderr;
    assert!(log.lines().any(|line| line.contains("WARN guest") && line.contains("hello-there")), "{log}");
}

#[test]
fn secrets_of_the_environment() {
    let app = vault("secrets = [\"stripe-key\"]");
    let up = WATTLE.up(&app).env("WATTLE_SECRET_STRIPE_KEY", CANARY).env("WATTLE_SECRET_OTHER", "no");
    let server = up.env("WATTLE_LOG", "trace").start();
    assert_eq!(server.get("/secret/stripe-key").summary(), format!("200 {CANARY}"));
    assert_eq!(server.get("/secret/other").summary(), "404 not-found", "the manifest does not list it");
    assert_eq!(server.get("/secret/STRIPE_KEY").summary(), "404 not-found");
    let log = server.stop().stderr;
    assert!(log.contains("the secret \"other\" is not among those that the manifest grants"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
}

#[test]
fn a_secret_that_is_not_there() {
    let app = vault("secrets = [\"stripe-key\"]");
    insta::assert_snapshot!(refused(WATTLE.up(&app), &app), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: component vault may read the secret stripe-key, but there is none: the variable WATTLE_SECRET_STRIPE_KEY does not exist
    hint: put it there, or remove it from `secrets` of the component
    ");
}

/// A host's file with a directory of secrets.
fn with_files(scope: &str) -> App {
    let host = format!("[backends.safe]\ntype = \"files\"\ndirectory = \"safe\"\nscope = \"{scope}\"\n");
    vault("secrets = [\"db\"]\nlinks = { \"wasmcloud:secrets\" = \"safe\" }").file("host.toml", host)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("change a file's mode");
}

#[test]
fn secrets_in_files() {
    for (scope, file) in [("app", "safe/default/vault/db"), ("shared", "safe/db")] {
        let app = with_files(scope).file(file, format!("{CANARY}\n"));
        set_mode(&app.join(file), 0o600);
        let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
        assert_eq!(server.get("/secret/db").summary(), format!("200 {CANARY}"));
        fs::write(app.join(file), [0xff, 0, b'\n']).expect("change the secret");
        assert_eq!(server.get("/secret/db").body, [0xff, 0], "what is changed is seen");
        set_mode(&app.join(file), 0o640);
        assert_eq!(server.get("/secret/db").summary(), "502 exposed");
        fs::remove_file(app.join(file)).expect("remove the secret");
        assert_eq!(server.get("/secret/db").summary(), "404 not-found");
    }
}

#[test]
fn files_that_are_no_place_for_a_secret() {
    let refused = |app: &App| refused(WATTLE.up(app).args(["--config", "host.toml"]), app);
    insta::assert_snapshot!(refused(&with_files("app")), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: component vault may read the secret db, but there is none: the file safe/default/vault/db does not exist
    hint: put it there, or remove it from `secrets` of the component
    ");
    let exposed = with_files("shared").file("safe/db", CANARY);
    set_mode(&exposed.join("safe/db"), 0o644);
    insta::assert_snapshot!(refused(&exposed), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: the secrets of component vault cannot be read
      caused by: safe/db is no place for a secret: others than its owner may use it
    hint: give the file to the user that the host runs as, and run `chmod 600` on it
    ");
    let directory = with_files("shared").file("safe/db/x", CANARY);
    insta::assert_snapshot!(refused(&directory), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: the secrets of component vault cannot be read
      caused by: safe/db is no place for a secret: it is not a regular file
    hint: give the file to the user that the host runs as, and run `chmod 600` on it
    ");
    let large = with_files("shared").file("safe/db", vec![b'x'; (64 << 10) + 1]);
    set_mode(&large.join("safe/db"), 0o600);
    insta::assert_snapshot!(refused(&large), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: the secrets of component vault cannot be read
      caused by: a secret has at most 65536 bytes here, this one has 65537
    ");
}

#[test]
fn secrets_of_a_backend() {
    let app = vault("secrets = [\"db\"]\nlinks = { \"wasmcloud:secrets\" = \"disk\" }");
    keep(&app, &bucket_of("vault", "secrets"), "db", CANARY.as_bytes());
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/secret/db").summary(), format!("200 {CANARY}"));
}

/// An app's manifest cannot say which variables or files of the host are secrets.
#[test]
fn a_manifest_does_not_choose_what_it_reads() {
    let app = vault("").file("more.toml", "");
    let text = fs::read_to_string(app.join("wattle.toml")).expect("read the manifest");
    let app = app.file("wattle.toml", text + "[backends.all]\ntype = \"environment\"\nprefix = \"AWS_\"\n");
    insta::assert_snapshot!(refused(WATTLE.up(&app), &app), @"
    exit: 2
    ----- stderr
    error: a backend of the type `environment` is named by a host, not by an app
     --> ./wattle.toml:8:11
      |
    8 | [backends.all]
      |           ^^^
      |
      = hint: put [backends.all] into the host's file, and link to it by name
    ");
}

#[test]
fn no_output_shows_a_secret() {
    let app = vault("secrets = [\"stripe-key\"]");
    for arguments in [&["check"][..], &["check", "--json"], &["explain"], &["explain", "--json"]] {
        let mut command = WATTLE.command(&app);
        let ran = Ran::of(command.args(arguments).env("WATTLE_SECRET_STRIPE_KEY", CANARY));
        assert!(ran.is_ok() && !ran.to_string().contains(CANARY), "{arguments:?}: {ran}");
        assert!(!arguments.contains(&"explain") || ran.to_string().contains("stripe-key"), "{ran}");
    }
}
