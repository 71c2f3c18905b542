//! Where Docker and Podman keep credentials, as the environment says.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long a helper may take: it may have to ask a key ring, and must not keep a pull from failing.
const HELPER_DEADLINE: Duration = Duration::from_secs(10);

/// Where Docker and Podman keep credentials. Values of the environment, which is not read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `REGISTRY_AUTH_FILE`: a file in Podman's format, or Docker's.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: Podman logs in to `containers/auth.json` in it.
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`: Podman reads `containers/auth.json` in it too. `None`: `.config` in the home directory.
    pub config_home: Option<PathBuf>,
    /// `DOCKER_CONFIG`: the directory of Docker's `config.json`. `None`: `.docker` in the home directory.
    pub docker_config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `PATH`: where helpers are.
    pub path: OsString,
    /// How long a helper may take. It is killed then.
    pub helper_deadline: Duration,
}

impl Places {
    /// The places that the variables of an environment name. One that is empty counts as one that is not set.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let directory = |name| variable(name).map(PathBuf::from);
        Self {
            registry_auth_file: directory("REGISTRY_AUTH_FILE"),
            runtime_dir: directory("XDG_RUNTIME_DIR"),
            config_home: directory("XDG_CONFIG_HOME"),
            docker_config: directory("DOCKER_CONFIG"),
            home: directory("HOME"),
            path: variable("PATH").unwrap_or_default(),
            helper_deadline: HELPER_DEADLINE,
        }
    }

    /// The files that are looked at, the first one first: what is chosen with a variable of its own, Podman's,
    /// Docker's (`containers-auth.json(5)`).
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let config_home = self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let podman = [&self.runtime_dir, &config_home].into_iter().flatten();
        let podman = podman.map(|directory| directory.join("containers/auth.json"));
        self.registry_auth_file.clone().into_iter().chain(podman).chain(self.docker_file()).collect()
    }

    /// Docker's file. Like Docker we do not look into the home directory if another is named.
    pub(super) fn docker_file(&self) -> Option<PathBuf> {
        let in_home = || self.home.as_ref().map(|home| home.join(".docker"));
        Some(self.docker_config.clone().or_else(in_home)?.join("config.json"))
    }
}
