//! Taking a data directory, and why it may not be had.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use wattle_backend::disk::{DataDir, DataDirError, DiskKeyValue, DiskOptions};

use super::{chain, child, temporary};

/// Opening `path` fails with this code and text, where `DIR` stands for `dir`, and gives this hint.
#[track_caller]
fn refused(dir: &Path, path: &Path, code: &str, text: &str, hint: Option<&str>) -> DataDirError {
    let error = DataDir::open(path).expect_err("it must be refused");
    let relative = |text: String| text.replace(&dir.display().to_string(), "DIR");
    assert_eq!(
        (error.code(), relative(chain(&error)).as_str(), error.hint().map(relative).as_deref()),
        (code, text, hint)
    );
    error
}

#[test]
fn is_made_for_its_owner_only() {
    let dir = temporary();
    let path = dir.path().join("data");
    let data = DataDir::open(&path).expect("it can be made");
    assert_eq!(data.path(), path);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("format")), 0o600);
    assert_eq!(fs::read_to_string(path.join("format")).expect("it is there"), "2\n");
    assert_eq!(fs::read_to_string(path.join("lock")).expect("it is there"), format!("{}\n", std::process::id()));
    drop(data);
    DataDir::open(&path).expect("it can be taken again");
}

#[test]
fn an_empty_directory_is_taken_as_it_is() {
    let dir = temporary();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).expect("it is ours");
    DataDir::open(dir.path()).expect("it is empty");
    assert_eq!(fs::metadata(dir.path()).expect("it is there").permissions().mode() & 0o777, 0o750);
}

#[test]
fn what_a_crash_left_half_made_is_finished() {
    let dir = temporary();
    fs::write(dir.path().join("lock"), "").expect("a file");
    fs::write(dir.path().join("format.new"), "").expect("a file");
    DataDir::open(dir.path()).expect("it is ours");
    assert_eq!(fs::read_to_string(dir.path().join("format")).expect("it is there"), "2\n");
}

#[test]
fn a_second_owner_is_refused() {
    let dir = temporary();
    let _first = DataDir::open(dir.path()).expect("it is free");
    let pid = std::process::id();
    refused(
        dir.path(),
        dir.path(),
        "data-dir-in-use",
        &format!("the data directory DIR is in use by process {pid}"),
        Some(&format!("stop process {pid}, or choose another data directory for this one")),
    );
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let dir = temporary();
    let mut first = child::start("hold", dir.path(), "");
    assert_eq!(first.line().as_deref(), Some("held"));
    match DataDir::open(dir.path()).expect_err("the child has it") {
        DataDirError::InUse { path, pid } => assert_eq!((path.as_path(), pid), (dir.path(), Some(first.id()))),
        other => panic!("{other:?}"),
    }
    first.kill();
    DataDir::open(dir.path()).expect("the system gave the lock back");
}

#[test]
fn a_newer_format_is_refused() {
    let dir = temporary();
    drop(DataDir::open(dir.path()).expect("it is free"));
    fs::write(dir.path().join("format"), "7\n").expect("it is ours");
    refused(
        dir.path(),
        dir.path(),
        "data-dir-newer-format",
        "the data directory DIR has format 7, and this release reads up to 2",
        Some(
            "data is never converted back: run the newer release again, restore a backup that is older \
             (wattle host restore FILE), or choose another data directory",
        ),
    );
    assert_eq!(fs::read_to_string(dir.path().join("format")).expect("it is there"), "7\n");
}

#[test]
fn a_format_that_is_no_number_is_refused() {
    for text in ["", "0\n", "one\n", "2\n2\n", "-1\n", "99999999999\n"] {
        let dir = temporary();
        drop(DataDir::open(dir.path()).expect("it is free"));
        fs::write(dir.path().join("format"), text).expect("it is ours");
        refused(
            dir.path(),
            dir.path(),
            "data-dir-unreadable-format",
            "DIR/format does not name the version of a format",
            Some("restore the file from a backup; in a directory that this release made it has the line \"2\""),
        );
    }
}

#[test]
fn state_without_a_format_is_refused() {
    for state in ["state.redb", "blobs.redb", "blobs"] {
        let dir = temporary();
        fs::write(dir.path().join("lock"), "").expect("a file");
        fs::write(dir.path().join(state), "x").expect("a file");
        let error = DataDir::open(dir.path()).expect_err("nobody knows which format it has");
        assert_eq!(error.code(), "data-dir-unreadable-format", "{state}");
    }
}

#[test]
fn somebody_elses_directory_is_refused() {
    let dir = temporary();
    fs::write(dir.path().join("thesis.tex"), "x").expect("a file");
    refused(
        dir.path(),
        dir.path(),
        "data-dir-foreign",
        "DIR is not empty and is not a data directory",
        Some("choose an empty directory, or a path that does not exist yet"),
    );
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 1, "nothing was put into it");
}

/// A directory that came from somebody else does not lead to a file of ours.
#[test]
fn links_are_not_followed() {
    for name in ["lock", "state.redb", "format.new", "format"] {
        let dir = temporary();
        let (data, victim) = (dir.path().join("data"), dir.path().join("victim"));
        fs::create_dir(&data).expect("a directory");
        fs::write(&victim, "1\n").expect("a file");
        std::os::unix::fs::symlink(&victim, data.join(name)).expect("a link");
        if name == "state.redb" {
            fs::write(data.join("format"), "1\n").expect("a file");
        }
        let opened = DataDir::open(&data).map(|data| DiskKeyValue::open(Arc::new(data), DiskOptions::default()));
        assert!(!matches!(opened, Ok(Ok(_))), "{name} was followed");
        assert_eq!(fs::read_to_string(&victim).expect("it is there"), "1\n", "{name}");
    }
}

#[test]
fn a_lock_that_is_something_else_is_left_alone() {
    for text in ["a letter to my love", "1234567890123456789\n"] {
        let dir = temporary();
        fs::write(dir.path().join("lock"), text).expect("a file");
        let error = DataDir::open(dir.path()).expect_err("it is not ours");
        assert_eq!(error.code(), "data-dir-foreign");
        assert_eq!(fs::read_to_string(dir.path().join("lock")).expect("it is there"), text);
    }
}

#[test]
fn a_directory_with_a_lock_of_somebody_else_is_refused() {
    let dir = temporary();
    fs::write(dir.path().join("lock"), "").expect("a file");
    fs::write(dir.path().join("status"), "").expect("a file");
    let error = DataDir::open(dir.path()).expect_err("it is not ours");
    assert_eq!(error.code(), "data-dir-foreign");
    assert!(!dir.path().join("format").exists());
}

#[test]
fn a_missing_parent_is_told() {
    let dir = temporary();
    refused(
        dir.path(),
        &dir.path().join("no/data"),
        "data-dir-no-parent",
        "DIR/no does not exist, so the data directory DIR/no/data cannot be made in it",
        Some("create it with: mkdir -p DIR/no"),
    );
}

#[test]
fn a_file_in_its_place_is_told() {
    let dir = temporary();
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("a file");
    let hint = Some("choose another path for the data directory");
    refused(dir.path(), &file, "data-dir-not-a-directory", "DIR/file is not a directory", hint);
    let below = "cannot create DIR/file/data: Not a directory (os error 20)";
    refused(dir.path(), &file.join("data"), "data-dir-io", below, None);
}

// Tests may run as root, whom permissions do not stop: a file system that takes no directories does.
#[cfg(target_os = "linux")]
#[test]
fn a_place_that_cannot_be_written_is_told() {
    let error = DataDir::open("/proc/data").expect_err("nobody can make directories there");
    assert_eq!(error.code(), "data-dir-io", "{error}");
    let error = DataDir::open("/proc/self").expect_err("nobody can make files there");
    assert_eq!(error.code(), "data-dir-foreign", "{error}");
}
