//! The folders of apps that are kept unpacked: shared by those who serve them, removed by those who clean up.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tempfile::TempDir;
use wattle_artifact::folder::{FolderLimits, Folders, HeldFolder, PrunedFolders, VerifiedFolders, pack};
use wattle_spec::digest::Digest;

use crate::registry_setup::told;

const HOUR: Duration = Duration::from_secs(3600);

/// An empty directory for folders, and an archive to unpack.
struct Case {
    directory: TempDir,
    folders: Folders,
    archive: Bytes,
}

impl Case {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let folders = Folders::open(directory.path().join("cache/folders")).unwrap();
        Self { directory, folders, archive: archive("hello") }
    }

    fn get(&self) -> HeldFolder {
        self.folders.get_or_unpack(&self.archive, FolderLimits::default()).unwrap()
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.archive)
    }

    /// What is in the directory, without the name of the folder in the names.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.map(|name| name.replace(&self.digest().hex(), "HEX")).collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("cache/folders").join(name.replace("HEX", &self.digest().hex()))
    }

    /// As it will be when nobody has used anything for an hour.
    fn prune(&self) -> PrunedFolders {
        self.folders.prune(HOUR, SystemTime::now() + 2 * HOUR).unwrap()
    }

    fn verify(&self) -> VerifiedFolders {
        self.folders.verify().unwrap()
    }
}

fn archive(text: &str) -> Bytes {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("css")).unwrap();
    fs::write(folder.path().join("index.html"), text).unwrap();
    fs::write(folder.path().join("css/a.css"), "a {}").unwrap();
    pack(folder.path(), FolderLimits::default()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn of_its_user_alone() {
    let case = Case::new();
    assert_eq!(mode(&case.path("")), 0o700);
    fs::set_permissions(case.path(""), Permissions::from_mode(0o755)).unwrap();
    Folders::open(case.path("")).unwrap();
    assert_eq!(mode(&case.path("")), 0o700);
    let refused = |path: PathBuf| told(&Folders::open(&path).unwrap_err()).replace(&path.display().to_string(), "PATH");
    fs::set_permissions(case.path(""), Permissions::from_mode(0o770)).unwrap();
    let unsafe_because = "cannot use the folders that are kept unpacked: PATH is not safe to use: ";
    assert_eq!(refused(case.path("")), format!("{unsafe_because}its group or everybody may write to it"));
    let link = case.directory.path().join("link");
    symlink(case.directory.path(), &link).unwrap();
    assert_eq!(refused(link), format!("{unsafe_because}it is a symbolic link"));
    let file = case.directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refused(file).starts_with("cannot use the folders that are kept unpacked"));
}

/// It is there for as long as somebody has it, and for a while after.
#[test]
fn held_and_pruned() {
    let case = Case::new();
    assert_eq!(case.folders.list().unwrap(), []);
    let held = case.get();
    assert_eq!(held.path(), case.path("HEX"));
    assert_eq!(fs::read_to_string(held.path().join("index.html")).unwrap(), "hello");
    assert_eq!(case.names(), ["HEX", "HEX.json", "HEX.lock"]);
    let listed = case.folders.list().unwrap();
    assert_eq!(
        listed.iter().map(|kept| (kept.digest, kept.files, kept.bytes)).collect::<Vec<_>>(),
        [(case.digest(), 2, 9)]
    );

    let again = case.get();
    drop(held);
    assert_eq!(case.prune(), PrunedFolders::default(), "somebody else still has it");
    // An app that ran for long has used it until its end.
    fs::File::open(case.path("HEX.lock")).unwrap().set_modified(SystemTime::now() - 5 * HOUR).unwrap();
    drop(again);
    let recent = PrunedFolders { recent_bytes: 9, ..PrunedFolders::default() };
    assert_eq!(case.folders.prune(HOUR, SystemTime::now()).unwrap(), recent, "it was used just now");
    let gone = PrunedFolders { folders: vec![case.digest()], bytes: 9, ..PrunedFolders::default() };
    assert_eq!(case.prune(), gone);
    assert!(case.names().is_empty(), "{:?}", case.names());
    assert!(case.get().path().is_dir());
}

/// What was unpacked before there were markers and notes, what was left half made, and what is not ours.
#[test]
fn what_is_left_behind() {
    let case = Case::new();
    fs::create_dir(case.path("HEX")).unwrap();
    fs::create_dir_all(case.path("HEX.1-1.new/old")).unwrap();
    fs::write(case.path("HEX.json.1-2.new"), "").unwrap();
    fs::write(case.path("notes.txt"), "").unwrap();
    let early = case.folders.prune(HOUR, SystemTime::now()).unwrap();
    assert_eq!((early, case.names().len()), (PrunedFolders::default(), 5), "{:?}", case.names());
    let held = case.get();
    assert_eq!(case.prune(), PrunedFolders::default(), "somebody may be making it");
    drop(held);
    assert_eq!(case.prune(), PrunedFolders { folders: vec![case.digest()], remains: 2, bytes: 9, recent_bytes: 0 });
    assert_eq!(case.names(), ["notes.txt"]);

    fs::create_dir(case.path("HEX")).unwrap();
    assert_eq!(case.prune(), PrunedFolders { folders: vec![case.digest()], remains: 0, bytes: 0, recent_bytes: 0 });
    assert_eq!(case.names(), ["notes.txt"]);
}

#[test]
fn what_was_changed_is_removed() {
    let case = Case::new();
    drop(case.get());
    let sound = VerifiedFolders { sound: 1, bytes: 9, damaged: Vec::new() };
    assert_eq!(case.verify(), sound);
    let writable = |name: &str| fs::set_permissions(case.path(name), Permissions::from_mode(0o666)).unwrap();
    let changes: [(&str, &dyn Fn()); 9] = [
        ("who may write to it", &|| writable("HEX/css/a.css")),
        ("a link in the place of the note", &|| {
            fs::rename(case.path("HEX.json"), case.path("note")).unwrap();
            symlink(case.path("note"), case.path("HEX.json")).unwrap();
        }),
        ("a byte", &|| fs::write(case.path("HEX/index.html"), "jello").unwrap()),
        ("a file more", &|| fs::write(case.path("HEX/more.html"), "").unwrap()),
        ("a directory more", &|| fs::create_dir(case.path("HEX/more")).unwrap()),
        ("a file less", &|| fs::remove_file(case.path("HEX/css/a.css")).unwrap()),
        ("a link", &|| {
            fs::rename(case.path("HEX/index.html"), case.path("index.html")).unwrap();
            symlink(case.path("index.html"), case.path("HEX/index.html")).unwrap();
        }),
        ("no note", &|| fs::remove_file(case.path("HEX.json")).unwrap()),
        ("another note", &|| fs::write(case.path("HEX.json"), r#"{"format":2,"entries":{}}"#).unwrap()),
    ];
    for (what, change) in changes {
        drop(case.get());
        assert_eq!(case.verify(), sound, "{what}");
        change();
        let damaged = case.verify().damaged;
        assert_eq!(damaged.len(), 1, "{what}");
        assert_eq!((damaged[0].digest, damaged[0].is_in_use), (case.digest(), false));
        assert!(!case.path("HEX").exists() && !case.path("HEX.json").exists() && !case.path("HEX.lock").exists());
        assert_eq!(case.verify(), VerifiedFolders::default());
    }
}

/// What others may write to is made anew, even if it holds the right bytes now.
#[test]
fn what_others_may_write_to() {
    let case = Case::new();
    drop(case.get());
    for name in ["HEX/css", "HEX/index.html", "HEX"] {
        fs::set_permissions(case.path(name), Permissions::from_mode(0o777)).unwrap();
        drop(case.get());
        assert_eq!(mode(&case.path(name)) & 0o022, 0, "{name}");
    }
    assert_eq!(case.verify().sound, 1);
    assert_eq!(case.names(), ["HEX", "HEX.json", "HEX.lock"]);
}

/// What an app serves is told of and left where it is; the next one that starts makes it anew.
#[test]
fn what_was_changed_while_it_is_served() {
    let case = Case::new();
    let held = case.get();
    assert_eq!(case.verify().sound, 1);
    fs::write(case.path("HEX/index.html"), "jello").unwrap();
    let damaged = case.verify().damaged;
    assert!(damaged[0].is_in_use && held.path().is_dir());
    let again = case.get();
    assert_eq!(fs::read_to_string(again.path().join("index.html")).unwrap(), "hello");
    assert_eq!(case.verify().sound, 1);
}

/// Whoever got it finds it whole, however many clean up meanwhile.
#[test]
fn many_at_once() {
    let case = Case::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let held = case.get();
                    assert_eq!(fs::read_to_string(held.path().join("css/a.css")).unwrap(), "a {}");
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..40 {
                    case.prune();
                    assert_eq!(case.verify().damaged, []);
                }
            });
        }
    });
    case.prune();
    assert!(case.names().is_empty(), "{:?}", case.names());
}
