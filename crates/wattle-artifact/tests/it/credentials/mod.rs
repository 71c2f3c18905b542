//! What people log in with, in Docker's and Podman's files and with helpers.

mod files;
mod helpers;
mod login;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use wattle_artifact::credentials::{Credential, Credentials, FileCredentials, Places};

/// `user:pass` in base64.
const AUTH: &str = "dXNlcjpwYXNz";

/// A home directory of its own, with a directory of programs.
struct Home {
    directory: TempDir,
    places: Places,
}

impl Home {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let variables = |name: &str| match name {
            "HOME" => Some(directory.path().into()),
            "PATH" => Some(OsString::from(format!("{}:/usr/bin:/bin", directory.path().join("bin").display()))),
            "DOCKER_CONFIG" => Some(OsString::new()),
            _ => None,
        };
        let mut places = Places::of(variables);
        assert_eq!(places.docker_config, None, "what is empty is not set");
        assert_eq!(places.helper_deadline, Duration::from_secs(10));
        // Machines that run tests are busy.
        places.helper_deadline = wattle_testkit::PATIENCE;
        fs::create_dir(directory.path().join("bin")).unwrap();
        Self { directory, places }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn docker(&self) -> PathBuf {
        self.at(".docker/config.json")
    }

    /// Puts a file there, and the directories that it is in.
    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Installs a helper, a shell script. Another process writes it: as long as one of ours has it open for writing,
    /// and a child that another test is just starting may have it a little longer, nobody can run it.
    fn helper(&self, name: &str, script: &str) {
        let path = self.at("bin").join(format!("docker-credential-{name}"));
        let write = "cat > \"$1\" && chmod 755 \"$1\"";
        let mut child = Command::new("sh").args(["-c", write, "sh"]).arg(&path).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn credentials(&self) -> FileCredentials {
        FileCredentials::new(self.places.clone())
    }

    /// What there is for a registry, as a text; an error with all that caused it.
    fn of(&self, registry: &str) -> String {
        self.within(registry, "a/b")
    }

    /// The same for the repository at `path` of a registry.
    fn within(&self, registry: &str, path: &str) -> String {
        match self.credentials().of(registry, path) {
            Ok(found) => shown(&found.credential),
            Err(error) => format!("error: {}", self.told(&error)),
        }
    }

    /// An error and all that caused it, with this home directory as `~`.
    fn told(&self, error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(error.source(), |error| error.source());
        let told = causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"));
        told.replace(&self.directory.path().display().to_string(), "~")
    }
}

fn shown(credential: &Credential) -> String {
    match credential {
        Credential::Anonymous => "nobody".into(),
        Credential::Password { user, password } => format!("{user} {}", password.as_str()),
        Credential::IdentityToken(token) => format!("token {}", token.as_str()),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
