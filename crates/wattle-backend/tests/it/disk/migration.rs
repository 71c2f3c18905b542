//! Data directories of older releases: what becomes of them, whatever happens on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattle_backend::disk::backup::{back_up, restore};
use wattle_backend::disk::{
    DataDir, DataDirError, DiskKeyValue, DiskOptions, FORMAT_VERSION, Migration, MigrationFailure,
};
use wattle_testkit::until;

use super::{chain, child, open_in, set, temporary, value};

const NOTES: &str = "notes";
const NEW_NOTES: Migration = Migration { from: 1, what: "notes are new", run: renew };

/// Makes the notes new, one after the other.
fn renew(data: &DataDir) -> Result<(), MigrationFailure> {
    let mut names: Vec<_> =
        fs::read_dir(data.path().join(NOTES))?.map(|note| note.expect("a note").file_name()).collect();
    names.sort();
    here("first");
    for name in names {
        let text = fs::read_to_string(data.path().join(NOTES).join(&name))?;
        if let Some(number) = text.strip_prefix("old ") {
            data.write(NOTES, name.to_str().expect("a name"), format!("new {number}").as_bytes())?;
        }
        here(&format!("after-{}", name.display()));
    }
    Ok(())
}

/// A child that is to be killed at this point waits for that.
fn here(point: &str) {
    if child::role().is_some_and(|role| role.strip_prefix("migrate-") == Some(point)) {
        child::say("here");
        loop {
            std::thread::park();
        }
    }
}

/// The child: migrates, unless it is killed on the way.
pub(crate) fn migrate(data: &Path) {
    let said = match DataDir::open_migrating(data, &[NEW_NOTES]) {
        Ok(_) => "migrated".to_owned(),
        Err(error) => chain(&error),
    };
    child::say(&said);
}

/// A data directory of format 1 with an entry, and three notes.
async fn older() -> (TempDir, PathBuf) {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    set(&store, "a", "one").await;
    drop(store);
    fs::create_dir(data.join(NOTES)).expect("a folder");
    for number in 1..=3 {
        fs::write(data.join(NOTES).join(number.to_string()), format!("old {number}")).expect("a note");
    }
    fs::write(data.join("format"), "1\n").expect("it is ours");
    (dir, data)
}

fn migrated(data: &Path) -> DataDir {
    DataDir::open_migrating(data, &[NEW_NOTES]).expect("it can be migrated")
}

/// What is in a data directory: files by their paths. Whose it is does not count, nor the backups in it.
fn tree(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(directory: &Path, below: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
            let below = below.join(entry.file_name());
            match entry.path().is_dir() {
                true => add(&entry.path(), &below, tree),
                false => _ = tree.insert(below, fs::read(entry.path()).expect("a file")),
            }
        }
    }
    let mut all = BTreeMap::new();
    add(data, Path::new(""), &mut all);
    all.retain(|path, _| path != Path::new("lock") && !path.starts_with("backups"));
    all
}

/// Its backups, which have in them what `before` was.
#[track_caller]
fn backups(data: &Path, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let entries = fs::read_dir(data.join("backups")).expect("there are some").map(|entry| entry.expect("a file"));
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
    names.sort();
    for name in &names {
        let dir = temporary();
        restore(&data.join("backups").join(name), &dir.path().join("data")).expect("it is whole");
        assert_eq!(tree(&dir.path().join("data")), *before, "{name}");
    }
    names
}

#[track_caller]
fn is_new(data: &Path) {
    let tree = tree(data);
    assert_eq!(tree[Path::new("format")], format!("{FORMAT_VERSION}\n").as_bytes());
    for number in 1..=3 {
        let note = &tree[&Path::new(NOTES).join(number.to_string())];
        assert_eq!(*note, format!("new {number}").as_bytes());
    }
    assert!(!tree.contains_key(Path::new("migration")));
}

#[tokio::test]
async fn it_is_backed_up_and_migrated() {
    let (_dir, data) = older().await;
    let before = tree(&data);
    let opened = migrated(&data);
    let what = opened.migrated().expect("it was").clone();
    assert_eq!((what.from, what.to), (1, FORMAT_VERSION));
    assert_eq!(what.backup, data.join("backups/format-1.tar.gz"));
    is_new(&data);
    let store = DiskKeyValue::open(opened.into(), DiskOptions::default()).expect("a store");
    assert_eq!(value(&store, "a").await.as_deref(), Some("one"));
    drop(store);
    assert_eq!(backups(&data, &before), ["format-1.tar.gz"]);
    let after = tree(&data);
    assert_eq!(migrated(&data).migrated(), None, "once is enough");
    assert_eq!(tree(&data), after);
}

/// Whoever does not know how is told, and nothing is changed.
#[tokio::test]
async fn it_is_not_opened_as_it_is() {
    let (_dir, data) = older().await;
    let before = tree(&data);
    let error = DataDir::open(&data).expect_err("nobody migrates it");
    assert_eq!(error.code(), "data-dir-older-format");
    assert!(chain(&error).ends_with("has format 1, and this release keeps its data in format 2"), "{error}");
    assert_eq!(tree(&data), before);
    assert!(!data.join("backups").exists());
}

/// A backup of it is one of what it is, and is migrated when it is opened again.
#[tokio::test]
async fn backups_of_older_releases() {
    let (dir, data) = older().await;
    let before = tree(&data);
    let (archive, elsewhere) = (dir.path().join("all.tar.gz"), dir.path().join("elsewhere"));
    back_up(&data, &archive).expect("a backup");
    assert_eq!(tree(&data), before);
    restore(&archive, &elsewhere).expect("it is whole");
    assert_eq!(tree(&elsewhere), before);
    drop(migrated(&elsewhere));
    is_new(&elsewhere);
    // What is migrated does not carry what it was along.
    let again = dir.path().join("again.tar.gz");
    back_up(&elsewhere, &again).expect("a backup");
    restore(&again, &dir.path().join("again")).expect("it is whole");
    assert!(!dir.path().join("again/backups").exists());
    is_new(&dir.path().join("again"));
}

#[tokio::test]
async fn no_backup_is_written_over() {
    let (_dir, data) = older().await;
    let before = tree(&data);
    fs::create_dir(data.join("backups")).expect("a folder");
    fs::write(data.join("backups/format-1.tar.gz"), "of before").expect("a file");
    drop(migrated(&data));
    assert_eq!(fs::read_to_string(data.join("backups/format-1.tar.gz")).expect("it is there"), "of before");
    fs::remove_file(data.join("backups/format-1.tar.gz")).expect("it is ours");
    assert_eq!(backups(&data, &before), ["format-1.2.tar.gz"]);
}

/// Whoever is killed on the way loses nothing, and the next one ends what was begun.
#[tokio::test]
async fn killed_on_the_way() {
    for point in ["first", "after-1", "after-2", "after-3"] {
        let (_dir, data) = older().await;
        let before = tree(&data);
        // The second is killed where the first was, and goes on with its backup.
        for _ in 0..2 {
            let mut migrating = child::start(&format!("migrate-{point}"), &data, "");
            assert_eq!(migrating.line().as_deref(), Some("here"), "{point}");
            migrating.kill();
            assert_eq!(fs::read_to_string(data.join("format")).expect("it is there"), "1\n", "{point}");
            assert_eq!(backups(&data, &before), ["format-1.tar.gz"], "{point}");
        }
        drop(migrated(&data));
        is_new(&data);
        assert_eq!(backups(&data, &before), ["format-1.tar.gz"], "{point}");
    }
}

/// A part of a backup is none.
#[tokio::test]
async fn killed_while_it_is_backed_up() {
    let (_dir, data) = older().await;
    let before = tree(&data);
    // It takes no room, and a long time.
    let large = fs::File::create(data.join("large")).expect("a file");
    large.set_len(1 << 40).expect("a file with holes");
    let migrating = child::start("migrate-never", &data, "");
    let part = data.join("backups/format-1.tar.gz.new");
    until("it is being backed up", || fs::metadata(&part).is_ok_and(|part| part.len() > 0).then_some(()));
    migrating.kill();
    fs::remove_file(data.join("large")).expect("it is ours");
    assert_eq!(tree(&data), before);
    drop(migrated(&data));
    is_new(&data);
    assert_eq!(backups(&data, &before), ["format-1.tar.gz"]);
}

/// What was killed between the last two steps has the new number already.
#[tokio::test]
async fn killed_before_the_end() {
    let (_dir, data) = older().await;
    drop(migrated(&data));
    fs::write(data.join("migration"), "format-1.tar.gz\n").expect("it is ours");
    assert_eq!(migrated(&data).migrated(), None);
    is_new(&data);
}

/// What names the backup may be damaged, or lead elsewhere: then there is one more.
#[tokio::test]
async fn a_mark_that_is_none() {
    for mark in ["", "format-1.tar.gz", "../format\n", "format-9.tar.gz\n", ".\n", "\n"] {
        let (_dir, data) = older().await;
        let before = tree(&data);
        fs::write(data.join("migration"), mark).expect("it is ours");
        drop(migrated(&data));
        is_new(&data);
        assert_eq!(backups(&data, &before), ["format-1.tar.gz"], "{mark:?}");
    }
}

#[tokio::test]
async fn a_migration_that_fails() {
    let fails = Migration { from: 1, what: "it fails", run: |_| Err("the moon is full".into()) };
    let (_dir, data) = older().await;
    let before = tree(&data);
    for _ in 0..2 {
        let error = DataDir::open_migrating(&data, &[fails]).expect_err("it fails");
        assert_eq!(error.code(), "data-dir-not-migrated");
        assert!(chain(&error).ends_with("cannot be brought from format 1 to format 2: the moon is full"), "{error}");
        let backup = data.join("backups/format-1.tar.gz").display().to_string();
        assert!(error.hint().is_some_and(|hint| hint.contains(&format!("restore {backup}"))), "{:?}", error.hint());
    }
    assert_eq!(backups(&data, &before), ["format-1.tar.gz"], "one is enough");
    drop(migrated(&data));
    is_new(&data);
}

/// Without a backup nothing is changed.
#[track_caller]
fn is_refused(data: &Path, cause: &str) {
    let before = tree(data);
    let error = DataDir::open_migrating(data, &[NEW_NOTES]).expect_err("there is no backup");
    assert_eq!(error.code(), "data-dir-not-backed-up");
    assert!(chain(&error).contains(cause), "{}", chain(&error));
    assert!(error.hint().is_some_and(|hint| hint.starts_with("nothing was changed")), "{:?}", error.hint());
    assert_eq!(tree(data), before);
}

#[tokio::test]
async fn no_place_for_a_backup() {
    let (dir, data) = older().await;
    fs::write(data.join("backups"), "mine").expect("a file");
    is_refused(&data, "data/backups is not a directory");
    fs::remove_file(data.join("backups")).expect("it is ours");
    // A directory that came from somebody else does not lead to one of ours.
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    std::os::unix::fs::symlink(&elsewhere, data.join("backups")).expect("a link");
    is_refused(&data, "data/backups is not a directory");
    assert_eq!(fs::read_dir(&elsewhere).expect("it is there").count(), 0);
}

/// Where files cannot grow there is no room.
#[tokio::test]
async fn a_full_disk() {
    let (_dir, data) = older().await;
    // It is packed to more than is allowed.
    let noise: Vec<u8> = (0_u32..1 << 18).flat_map(|number| crc32(number).to_le_bytes()).collect();
    fs::write(data.join("noise"), noise).expect("a file");
    let before = tree(&data);
    let mut migrating = child::start("migrate-never", &data, "trap '' XFSZ; ulimit -f 256;");
    let said = migrating.line().expect("it says why not");
    assert!(said.contains("is not brought to format 2 without a backup: cannot write"), "{said}");
    assert!(said.contains("File too large"), "{said}");
    assert_eq!(tree(&data), before);
    assert!(!data.join("backups").exists());
    drop(migrated(&data));
    is_new(&data);
}

/// A number that nobody can make smaller.
fn crc32(number: u32) -> u32 {
    (0..8).fold(number ^ 0x9e37_79b9, |hash: u32, _| {
        (hash.rotate_left(13) ^ hash).wrapping_mul(0x85eb_ca6b).wrapping_add(1)
    })
}

/// A release of before refuses it and names the way back, if there is one.
#[tokio::test]
async fn a_newer_one_has_a_backup_of_this_format() {
    let (_dir, data) = older().await;
    drop(migrated(&data));
    fs::write(data.join("format"), "3\n").expect("it is ours");
    fs::rename(data.join("backups/format-1.tar.gz"), data.join("backups/format-2.tar.gz")).expect("it is ours");
    let before = tree(&data);
    let error = DataDir::open_migrating(&data, &[NEW_NOTES]).expect_err("it is newer");
    let DataDirError::NewerFormat { found: 3, supported: 2, backup: Some(backup), .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*backup, data.join("backups/format-2.tar.gz"));
    let way = format!("wattle host restore {} --data-dir ANOTHER", backup.display());
    assert!(error.hint().is_some_and(|hint| hint.ends_with(&way)), "{:?}", error.hint());
    assert_eq!(tree(&data), before);
}
