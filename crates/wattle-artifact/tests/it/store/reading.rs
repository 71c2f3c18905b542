//! What is read is what was written, or an error.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use wattle_artifact::store::{Store, StoreError};
use wattle_spec::digest::Digest;

use super::{AT_ONCE, Fixture, age, begin, is_present, told};

const TEXT: &[u8] = b"the bytes of a blob";

/// Nothing of other bytes ever comes out, and the next pull heals it.
#[test]
fn damaged() {
    for damage in [&b"the bytes of a blog"[..], b"the bytes of a blob!", b"the bytes", b""] {
        let fixture = Fixture::new();
        let digest = fixture.store.put(TEXT).unwrap();
        fs::write(fixture.blob(&digest), damage).unwrap();
        let error = fixture.store.read(&digest, 100).unwrap_err();
        let path = fixture.blob(&digest);
        assert_eq!(error.to_string(), format!("{} did not have the bytes of {digest} any more", path.display()));
        assert!(error.hint().unwrap().starts_with("pull it again"));
        assert_eq!(fixture.store.read(&digest, 100).unwrap(), None);
        assert!(!path.exists());
        assert_eq!(fixture.store.put(TEXT).unwrap(), digest);
        assert_eq!(fixture.store.read(&digest, 100).unwrap().unwrap(), TEXT);
    }
}

/// More than the caller has room for is not read.
#[test]
fn bounded() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    assert_eq!(fixture.store.read(&digest, 19).unwrap().unwrap(), TEXT);
    let error = fixture.store.read(&digest, 18).unwrap_err();
    assert_eq!(error.to_string(), format!("{digest} has 19 bytes, and at most 18 are taken here"));
    assert!(fixture.store.contains(&digest).unwrap());
}

/// Being read is being used.
#[test]
fn read_is_used() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    age(&fixture.blob(&digest), Duration::from_secs(3600));
    let modified = || fs::metadata(fixture.blob(&digest)).unwrap().modified().unwrap();
    let old = modified();
    fixture.store.read(&digest, 19).unwrap();
    assert!(modified() > old);
}

type Put = fn(&Path);

/// What somebody put in the place of a blob is refused, and left for people to look at.
#[test]
fn something_else_in_its_place() {
    let writable = "its group or everybody may write to it";
    let put: [(&str, Put); 4] = [
        ("it is a symbolic link", |path| symlink("/dev/zero", path).unwrap()),
        ("it is a symbolic link", |path| symlink("nowhere", path).unwrap()),
        ("it is no regular file", |path| fs::create_dir(path).unwrap()),
        (writable, |path| {
            fs::write(path, TEXT).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (reason, put) in put {
        let fixture = Fixture::new();
        let digest = Digest::of(TEXT);
        let path = fixture.blob(&digest);
        put(&path);
        let expected = format!("{} is not safe to use: {reason}", path.display());
        assert_eq!(fixture.store.read(&digest, 100).unwrap_err().to_string(), expected);
        assert_eq!(fixture.store.begin(&digest, 19, AT_ONCE).unwrap_err().to_string(), expected);
        assert_eq!(fixture.store.contains(&digest).unwrap_err().to_string(), expected);
        assert_eq!(fixture.store.verify().unwrap().strange, std::slice::from_ref(&path));
        super::keeping::sweep(&fixture.store, Duration::from_secs(3600));
        let left = super::keeping::sweep(&fixture.store, AT_ONCE).blobs.is_empty();
        assert_eq!(left, reason != writable, "only what looks like a blob is taken for one");
        assert_eq!(fs::symlink_metadata(&path).is_ok(), left);
    }
}

/// Nothing is written through a link either.
#[test]
fn a_link_in_place_of_a_partial() {
    let fixture = Fixture::new();
    let victim = fixture.directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, fixture.at("partial").join(Digest::of(TEXT).hex())).unwrap();
    let error = fixture.store.begin(&Digest::of(TEXT), 19, AT_ONCE).unwrap_err();
    assert!(error.to_string().ends_with("is not safe to use: it is a symbolic link"), "{error}");
    super::keeping::sweep(&fixture.store, AT_ONCE);
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

/// A directory that others can write to, or that is none, is not used.
#[test]
fn unsafe_directories() {
    let fixture = Fixture::new();
    fixture.store.put(TEXT).unwrap();
    let open = |path: &Path| Store::open(path).unwrap_err().to_string();
    let directory = fixture.store.directory();
    for inner in ["", "blobs", "blobs/sha256", "partial", "references"] {
        let path = directory.join(inner);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(open(directory).ends_with("is not safe to use: its group or everybody may write to it"), "{inner}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Store::open(directory).unwrap();
    }
    let link = fixture.directory.path().join("link");
    symlink(directory, &link).unwrap();
    assert!(open(&link).ends_with("is not safe to use: it is a symbolic link"));
    fs::remove_dir(directory.join("partial")).unwrap();
    fs::write(directory.join("partial"), "").unwrap();
    assert!(open(directory).ends_with("is not safe to use: it is no directory"));
}

/// Only root can make what belongs to another user, and only others are kept out by the mode of a directory.
#[test]
fn of_another_user() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(TEXT).unwrap();
    if !rustix::process::geteuid().is_root() {
        crate::say("skipped in part: only root gives a file away");
        fs::set_permissions(fixture.at("blobs/sha256"), fs::Permissions::from_mode(0o000)).unwrap();
        let error = fixture.store.read(&digest, 100).unwrap_err();
        fs::set_permissions(fixture.at("blobs/sha256"), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(error, StoreError::Io { operation: "open", .. }), "{}", told(&error));
        return;
    }
    std::os::unix::fs::chown(fixture.blob(&digest), Some(65534), None).unwrap();
    let error = fixture.store.read(&digest, 100).unwrap_err();
    assert!(error.to_string().ends_with("is not safe to use: it belongs to another user"), "{error}");
    std::os::unix::fs::chown(fixture.store.directory(), Some(65534), None).unwrap();
    let error = Store::open(fixture.store.directory()).unwrap_err();
    assert!(error.to_string().ends_with("is not safe to use: it belongs to another user"), "{error}");
}

/// A directory that cannot be made is told with its path.
#[test]
fn no_directory() {
    let fixture = Fixture::new();
    let file = fixture.directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(file.join("store")).unwrap_err();
    assert!(matches!(error, StoreError::Io { operation: "create", .. }), "{}", told(&error));
    assert!(!is_present(&fixture.store, TEXT));
    drop(begin(&fixture.store, TEXT));
}
