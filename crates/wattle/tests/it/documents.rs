//! What the documents name exists: files that they link to, and tests that they call as witnesses.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents of the project, by their paths from its root.
fn documents() -> Vec<PathBuf> {
    let directories = ["", "docs", "docs/guides", "docs/reference"];
    let entries = directories.iter().flat_map(|directory| {
        let entries = fs::read_dir(root().join(directory)).unwrap();
        entries.map(|entry| Path::new(directory).join(entry.unwrap().file_name()))
    });
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What stands between two backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn links_lead_somewhere() {
    let mut found = 0;
    for document in documents() {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            let path = root().join(&document).with_file_name(target);
            assert!(path.exists(), "{} links to {target}", document.display());
            found += 1;
        }
    }
    assert!(found > 10, "only {found} links");
}

/// A name without a directory is of the same one as that before it in its row.
#[test]
fn files_that_the_readme_names_exist() {
    let text = read("README.md");
    for row in text.lines().filter(|line| line.starts_with('|')) {
        let mut directory = PathBuf::new();
        for name in quoted(row).filter(|name| name.starts_with("crates/") || name.ends_with(".rs")) {
            let path = if name.contains('/') { PathBuf::from(name) } else { directory.join(name) };
            assert!(root().join(&path).exists(), "README.md names {}", path.display());
            directory = path.parent().unwrap().to_owned();
        }
    }
}

#[test]
fn modules_that_the_specification_names_exist() {
    let text = read("SPECIFICATION.md");
    // Those of another crate have its name in front, and the rest of the list is of the same crate.
    let own = text.lines().flat_map(|line| line.split("`wattle-").next().map(quoted)).flatten();
    let names: Vec<&str> = own.filter_map(|name| name.strip_prefix("it::")).filter(|name| *name != "...").collect();
    assert!(names.len() > 30, "only {names:?}");
    for name in names {
        let path = root().join(format!("crates/wattle/tests/it/{}.rs", name.replace("::", "/")));
        assert!(path.exists(), "SPECIFICATION.md names it::{name}");
    }
}
