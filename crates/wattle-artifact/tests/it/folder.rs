//! Folders to archives and back, and archives that want to be somewhere else.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tar::EntryType;
use tempfile::TempDir;
use wattle_artifact::folder::{FolderError, FolderLimits, Unpacked, pack, unpack};

use crate::registry_setup::told;

const LIMITS: FolderLimits = FolderLimits { bytes: 1 << 20, entries: 100 };

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What is below a directory, sorted.
fn below(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = vec![root.to_owned()];
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            all.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() {
                next.push(path);
            }
        }
    }
    all.sort();
    all
}

#[test]
fn there_and_back() {
    let (root, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let long = format!("{}/{}", "long".repeat(40), "name".repeat(40));
    write(root.path(), &[("index.html", "<h1>"), ("a/b/c.css", "x"), ("größe.txt", ""), (&long, "y")]);
    fs::create_dir(root.path().join("empty")).unwrap();
    fs::set_permissions(root.path().join("index.html"), Permissions::from_mode(0o700)).unwrap();
    let archive = pack(root.path(), LIMITS).unwrap();
    let target = to.path().join("public");
    assert_eq!(unpack(&archive, &target, LIMITS).unwrap(), Unpacked::Made);
    assert_eq!(below(&target), below(root.path()));
    assert_eq!(fs::read_to_string(target.join(&long)).unwrap(), "y");
    assert_eq!(pack(&target, LIMITS).unwrap(), archive);
    assert_eq!(unpack(&archive, &target, LIMITS).unwrap(), Unpacked::Present);
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
    // The folder itself may be a link.
    symlink(root.path(), to.path().join("link")).unwrap();
    assert_eq!(pack(&to.path().join("link"), LIMITS).unwrap(), archive);

    // Other tools read it, and it says nothing of this machine.
    let file = to.path().join("public.tar");
    fs::write(&file, &archive).unwrap();
    let Ok(listed) = Command::new("tar").args(["--utc", "-tvf"]).arg(&file).env("LC_ALL", "C.UTF-8").output() else {
        return crate::say("skipped: there is no tar");
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 8, "{listed}");
    for line in listed.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let mode = if words[5].ends_with('/') { "drwxr-xr-x" } else { "-rw-r--r--" };
        assert_eq!((words[0], words[1], words[3], words[4]), (mode, "0/0", "1970-01-01", "00:00"), "{line}");
    }
}

#[test]
fn an_empty_folder() {
    let (root, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let archive = pack(root.path(), LIMITS).unwrap();
    assert_eq!(unpack(&archive, &to.path().join("x"), LIMITS).unwrap(), Unpacked::Made);
    assert!(below(&to.path().join("x")).is_empty());
}

#[test]
fn what_is_not_shipped() {
    let refused = |make: &dyn Fn(&Path)| {
        let root = TempDir::new().unwrap();
        write(root.path(), &[("a/b.txt", "hello")]);
        make(root.path());
        let error = pack(root.path(), LIMITS).unwrap_err();
        assert_eq!(error.is_bad_input(), !matches!(error, FolderError::Read { .. }), "{error}");
        told(&error).replace(root.path().to_str().unwrap(), "ROOT")
    };
    let only = "and a folder is shipped with regular files and directories only";
    assert_eq!(
        refused(&|root| symlink("/etc/passwd", root.join("a/link")).unwrap()),
        format!("ROOT/a/link is a symbolic link, {only}")
    );
    let socket = |root: &Path| drop(std::os::unix::net::UnixListener::bind(root.join("a/socket")).unwrap());
    assert_eq!(refused(&socket), format!("ROOT/a/socket is a socket, {only}"));
    let pipe = |root: &Path| assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    assert_eq!(refused(&pipe), format!("ROOT/pipe is a pipe, {only}"));
    let no_text = |root: &Path| fs::write(root.join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
    assert_eq!(refused(&no_text), "the name of ROOT/a\u{fffd} is not UTF-8");
    let large = |root: &Path| fs::File::create(root.join("zeros")).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(refused(&large), "ROOT is more than 1048576 bytes as an archive");
    // What nobody is to see is as if it was not there, whatever it is.
    let hidden = |root: &Path| {
        write(root, &[(".git/config", "secret"), (".wattle/x", "x"), (".env", "KEY=1"), ("a/.htaccess", "x")]);
        symlink("/etc/passwd", root.join("a/.link")).unwrap();
        fs::write(root.join(std::ffi::OsStr::from_bytes(b".\xff")), "").unwrap();
    };
    let archives = [&hidden as &dyn Fn(&Path), &|_: &Path| {}].map(|make| {
        let root = TempDir::new().unwrap();
        write(root.path(), &[("a/b.txt", "hello")]);
        make(root.path());
        pack(root.path(), LIMITS).unwrap()
    });
    assert_eq!(archives[0], archives[1]);
    let many = |root: &Path| (0..100).for_each(|number| fs::write(root.join(number.to_string()), "").unwrap());
    assert_eq!(refused(&many), "ROOT has more than 100 files and directories");
    let deep = |root: &Path| {
        let mut path = root.to_owned();
        for _ in 0..6 {
            path.push("d".repeat(200));
            fs::create_dir(&path).unwrap();
        }
    };
    assert!(refused(&deep).ends_with("has more than 1024 bytes"));
    assert_eq!(
        refused(&|root| fs::remove_dir_all(root).unwrap()),
        "cannot read ROOT: No such file or directory (os error 2)"
    );
}

/// An entry whose header says this.
fn entry(kind: EntryType, name: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o777);
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    let mut entry = [header.as_bytes(), bytes].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn file(name: &str) -> Vec<u8> {
    entry(EntryType::Regular, name.as_bytes(), b"x")
}

fn directory(name: &str) -> Vec<u8> {
    entry(EntryType::Directory, name.as_bytes(), b"")
}

/// What unpacking these entries ends with, and what is there then.
fn unpacked(entries: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let to = TempDir::new().unwrap();
    let target = to.path().join("x");
    let archive = [entries.concat(), vec![0; 1024]].concat().into();
    match unpack(&archive, &target, LIMITS) {
        Ok(_) => Ok(below(&target)),
        Err(error) => {
            assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0, "something is left");
            assert_eq!(error.is_bad_input(), matches!(error, FolderError::Archive { .. }), "{error}");
            let told = told(&error);
            if !error.is_bad_input() {
                return Err(told);
            }
            let about = format!("the archive for {} cannot be unpacked: ", target.display());
            Err(told.strip_prefix(&about).expect("it says which archive").into())
        }
    }
}

#[track_caller]
fn check(entries: &[Vec<u8>], fault: &str) {
    let told = unpacked(entries).unwrap_err();
    assert!(told.starts_with("its entry ") && told.ends_with(&format!(" {fault}")), "{told}");
}

#[test]
fn hostile_archives() {
    for name in ["/etc/x", "//x"] {
        check(&[file(name)], "begins at the root");
    }
    for name in ["../x", "a/../../x", "a/..", ".."] {
        check(&[file(name)], "goes up with `..`");
        check(&[directory(name)], "goes up with `..`");
    }
    for name in ["", ".", "./", "a/"] {
        check(&[file(name)], "has no name that a file can have");
    }
    check(&[entry(EntryType::Directory, b"a", b"bytes")], "has no name that a file can have");
    check(&[entry(EntryType::Regular, b"a\xff", b"x")], "has a name that is not UTF-8");
    for (kind, code) in [
        (EntryType::Symlink, '2'),
        (EntryType::Link, '1'),
        (EntryType::Char, '3'),
        (EntryType::Block, '4'),
        (EntryType::Fifo, '6'),
        (EntryType::Continuous, '7'),
        (EntryType::GNUSparse, 'S'),
        (EntryType::GNULongLink, 'K'),
        (EntryType::XHeader, 'x'),
        (EntryType::XGlobalHeader, 'g'),
    ] {
        check(
            &[file("before"), entry(kind, b"a", b"")],
            &format!("is of the type {code:?}, and files and directories are taken only"),
        );
    }
    for twice in [
        [file("a"), file("a")],
        [file("a"), file("./a")],
        [file("a"), directory("a/")],
        [directory("a"), directory("a/")],
        [directory("a"), file("a")],
        [file("a"), file("a/b")],
        [file("a/b"), file("a")],
    ] {
        check(&twice, "is in the place of another");
    }
    check(&[file("a"), file("a/b/c")], "is in the place of another");
}

#[test]
fn long_names() {
    let long = |name: &[u8]| entry(EntryType::GNULongName, b"././@LongLink", name);
    assert_eq!(unpacked(&[long(b"b/c\0"), file("short")]).unwrap(), ["b", "b/c"]);
    check(&[long(b"../x\0"), file("a")], "goes up with `..`");
    check(&[long(b"a\0b"), file("a")], "has no name that a file can have");
    check(&[long(b"a"), long(b"b"), file("a")], "has no name that a file can have");
    check(&[long(&[b'a'; 2000]), file("a")], "has a name of more than 1024 bytes");
    check(&[long(b"a")], "is cut off");
    // A part of a path that no system takes.
    let told = unpacked(&[long(&[b'a'; 300]), file("a")]).unwrap_err();
    assert!(told.starts_with("cannot write") && told.contains("too long"), "{told}");
}

#[test]
fn plain_archives() {
    assert_eq!(unpacked(&[directory("./"), file("./a"), file("b//c"), directory("b")]).unwrap(), ["a", "b", "b/c"]);
    assert!(unpacked(&[]).unwrap().is_empty());
    assert!(unpacked(&[b"no archive ".repeat(100)]).unwrap_err().starts_with("it is no archive that can be read"));
    let whole = file("a");
    assert!(unpacked(&[whole[..300].to_vec()]).is_err());
    let many = (0..101).map(|number| file(&number.to_string())).collect::<Vec<_>>();
    assert_eq!(unpacked(&many).unwrap_err(), "it has more than 100 entries");
    let implied = vec![file(&"a/".repeat(45)[..89]), file(&"b/".repeat(45)[..89]), file(&"c/".repeat(45)[..89])];
    assert_eq!(unpacked(&implied).unwrap_err(), "it has more than 100 entries");
    let selves = vec![directory("./"); 300];
    assert_eq!(unpacked(&selves).unwrap_err(), "it has more than 100 entries");
    let large = entry(EntryType::Regular, b"a", &vec![0; 2 << 20]);
    assert!(unpacked(&[large]).unwrap_err().ends_with("bytes, and may have 1048576"));
    // A size that is not there, and one that is no size at all.
    for size in [4096, 1 << 40, u64::MAX] {
        let mut lying = entry(EntryType::Regular, b"a", b"x");
        let mut header = tar::Header::from_byte_slice(&lying[..512]).clone();
        header.set_size(size);
        header.set_cksum();
        lying[..512].copy_from_slice(header.as_bytes());
        assert!(unpacked(&[lying]).is_err(), "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a header says, nothing is made beside the folder, and nothing panics.
    #[test]
    fn any_archive(changes in vec((0..3072_usize, any::<u8>()), 0..6), fix_sums in any::<bool>(), cut in 0..4096_usize) {
        let mut bytes = [directory("a"), file("a/b"), entry(EntryType::GNULongName, b"././@LongLink", b"../c\0"), file("c")]
            .concat();
        bytes.resize(4096, 0);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        for head in bytes.chunks_mut(512).filter(|head| fix_sums && head.iter().any(|byte| *byte != 0)) {
            let mut header = tar::Header::from_byte_slice(head).clone();
            header.set_cksum();
            head.copy_from_slice(header.as_bytes());
        }
        bytes.truncate(4096 - cut);
        let to = TempDir::new().unwrap();
        let target = to.path().join("inner/x");
        fs::create_dir(to.path().join("inner")).unwrap();
        let done = unpack(&bytes.into(), &target, LIMITS).is_ok();
        let outside: Vec<_> = below(to.path()).into_iter().filter(|path| !path.starts_with("inner/x/")).collect();
        prop_assert_eq!(outside.len(), 1 + usize::from(done), "{:?}", outside);
    }
}

/// What somebody did to what was unpacked is undone.
#[test]
fn a_changed_folder() {
    type Change = fn(&Path);
    let (root, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(root.path(), &[("index.html", "<h1>"), ("a/b.css", "x")]);
    let archive = pack(root.path(), LIMITS).unwrap();
    let target = to.path().join("x");
    unpack(&archive, &target, LIMITS).unwrap();
    let changes: [(&str, Change); 10] = [
        ("a byte", |at| fs::write(at.join("index.html"), "<h2>").unwrap()),
        ("shorter", |at| fs::write(at.join("index.html"), "<h1").unwrap()),
        ("longer", |at| fs::write(at.join("index.html"), "<h1>!").unwrap()),
        ("one more", |at| fs::write(at.join("a/c.css"), "").unwrap()),
        ("one less", |at| fs::remove_file(at.join("a/b.css")).unwrap()),
        ("a link to the same", |at| {
            fs::rename(at.join("a/b.css"), at.parent().unwrap().join("same")).unwrap();
            symlink(at.parent().unwrap().join("same"), at.join("a/b.css")).unwrap();
        }),
        ("a directory for a file", |at| {
            fs::remove_file(at.join("index.html")).unwrap();
            fs::create_dir(at.join("index.html")).unwrap();
        }),
        ("a file for all", |at| {
            fs::remove_dir_all(at).unwrap();
            fs::write(at, "x").unwrap();
        }),
        ("a link for all", |at| {
            fs::rename(at, at.with_file_name("moved")).unwrap();
            symlink(at.with_file_name("moved"), at).unwrap();
        }),
        ("unreadable", |at| fs::set_permissions(at.join("index.html"), Permissions::from_mode(0o000)).unwrap()),
    ];
    for (name, change) in changes {
        change(&target);
        let done = unpack(&archive, &target, LIMITS).unwrap();
        // Whoever is root reads everything.
        assert!(done == Unpacked::Replaced || name == "unreadable", "{name}: {done:?}");
        assert_eq!(below(&target), ["a", "a/b.css", "index.html"], "{name}");
        assert_eq!(fs::read_to_string(target.join("index.html")).unwrap(), "<h1>", "{name}");
        assert!(!target.is_symlink() && !target.join("a/b.css").is_symlink(), "{name}");
    }
    assert_eq!(fs::read_to_string(to.path().join("moved/index.html")).unwrap(), "<h1>", "what a link leads to stays");
    assert!(!below(to.path()).iter().any(|path| path.ends_with(".new")), "{:?}", below(to.path()));
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&target).unwrap();
    assert_eq!(unpack(&archive, &target, LIMITS).unwrap(), Unpacked::Made, "an empty one is nothing");
}

/// Several at once, some with something else: each ends, and what is there is one of the two as a whole.
#[test]
fn several_at_once() {
    let (root, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    write(root.path(), &[("a", "1"), ("b", "1")]);
    let one = pack(root.path(), LIMITS).unwrap();
    write(root.path(), &[("a", "2"), ("b", "2")]);
    let two = pack(root.path(), LIMITS).unwrap();
    let target = to.path().join("x");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (archive, target) = (if number % 2 == 0 { &one } else { &two }, &target);
            scope.spawn(move || match unpack(archive, target, LIMITS) {
                Ok(_) | Err(FolderError::Busy { .. }) => {}
                Err(error) => panic!("{}", told(&error)),
            });
        }
    });
    let text = |name: &str| fs::read_to_string(target.join(name)).unwrap();
    assert_eq!(text("a"), text("b"));
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
}

/// Where nothing can be written, what was there stays.
#[test]
fn nowhere_to_write() {
    let missing = PathBuf::from("/proc/no/such/place");
    let error = unpack(&Bytes::from(vec![0; 1024]), &missing, LIMITS).unwrap_err();
    assert!(matches!(error, FolderError::Write { .. }), "{error}");
}
