//! An app in a temporary directory: its manifest, its components, and whatever else a test puts there.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::guests;

/// A directory with an app in it. It is removed when this is dropped.
pub struct App {
    directory: TempDir,
    runtime: TempDir,
}

impl App {
    /// An empty directory.
    ///
    /// # Panics
    ///
    /// If the system cannot make one.
    pub fn empty() -> Self {
        let directory = || tempfile::Builder::new().prefix("wattle-").tempdir().expect("make a temporary directory");
        Self { directory: directory(), runtime: directory() }
    }

    /// A directory with the manifest `text`. Guests that it names as `"NAME.wasm"` are put beside it.
    pub fn new(text: &str) -> Self {
        let mut app = Self::empty().file("wattle.toml", text);
        for (name, path) in guests::all() {
            if text.contains(&format!("\"{name}.wasm\"")) {
                app = app.guest(&path);
            }
        }
        app
    }

    /// An app of one component, called like its `guest`, that answers every request. `more` are further lines of
    /// its table.
    pub fn of(guest: &Path, more: &str) -> Self {
        let file = file_name(guest);
        let name = file.strip_suffix(".wasm").unwrap_or(&file);
        let text = format!(
            "name = \"{name}\"\n[components.{name}]\nsource = \"{file}\"\n{more}\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"{name}\"\n"
        );
        Self::empty().file("wattle.toml", text).guest(guest)
    }

    /// Adds a file.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    #[must_use]
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.join(name);
        let parent = path.parent().expect("invariant: a file is in a directory");
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, content)).expect("write a file of the app");
        self
    }

    /// Adds a built guest, under the name of its file.
    ///
    /// # Panics
    ///
    /// If it cannot be copied.
    #[must_use]
    pub fn guest(self, guest: &Path) -> Self {
        fs::copy(guest, self.join(&file_name(guest))).expect("copy a guest");
        self
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// What the user's cache is for the programs that run here.
    pub fn cache_dir(&self) -> PathBuf {
        self.join(".cache")
    }

    /// What the user's runtime directory is for the programs that run here: they find each other and nobody else. It is
    /// elsewhere.
    pub fn runtime_dir(&self) -> &Path {
        self.runtime.path()
    }

    /// Where the user's state is for the programs that run here.
    pub fn state_dir(&self) -> PathBuf {
        self.join(".state")
    }

    /// Where compiled code is kept unless somebody chose a data directory.
    pub fn code_dir(&self) -> PathBuf {
        self.cache_dir().join("wattle/code")
    }

    /// Where `up` keeps this app's data unless it is told otherwise.
    pub fn data_dir(&self) -> PathBuf {
        self.join(".wattle")
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
