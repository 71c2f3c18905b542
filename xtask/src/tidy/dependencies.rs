//! Who may depend on whom: a crate exists only to forbid a dependency, and this holds it to that.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Breach;
use crate::{process, root};

/// A crate and the direct dependencies that it may and must not have.
struct Room {
    name: &'static str,
    /// Crates of ours; no other one is allowed, except in tests.
    ours: &'static [&'static str],
    /// Crates of others, by the beginning of their names.
    never: &'static [&'static str],
}

const KUBERNETES: &str = "k8s-";
const ROOMS: &[Room] = &[
    Room {
        name: "wattle-spec",
        ours: &[],
        never: &[
            "anyhow", "async-", "clap", "hyper", "kube", KUBERNETES, "oci-", "redb", "rustix", "tokio", "wasmtime",
        ],
    },
    Room {
        name: "wattle-artifact",
        ours: &["wattle-spec", "wattle-backend"],
        never: &["anyhow", "async-nats", "clap", "kube", KUBERNETES, "wasmtime"],
    },
    Room {
        name: "wattle-backend",
        ours: &["wattle-spec"],
        never: &["anyhow", "clap", "kube", KUBERNETES, "oci-", "wasmtime", "wit-"],
    },
    Room {
        name: "wattle-host",
        ours: &["wattle-spec", "wattle-backend"],
        never: &["anyhow", "async-nats", "clap", "kube", KUBERNETES, "oci-"],
    },
    Room {
        name: "wattle-lattice",
        ours: &["wattle-spec", "wattle-backend"],
        never: &["anyhow", "async-nats", "clap", "kube", KUBERNETES, "wasmtime"],
    },
    Room { name: "wattle-kube", ours: &["wattle-spec", "wattle-lattice"], never: &["anyhow", "clap", "wasmtime"] },
    Room {
        name: "wattle-shim",
        ours: &["wattle-spec", "wattle-artifact", "wattle-host"],
        never: &["anyhow", "async-nats", "kube", KUBERNETES],
    },
    Room {
        name: "wattle",
        ours: &[
            "wattle-spec",
            "wattle-artifact",
            "wattle-backend",
            "wattle-host",
            "wattle-lattice",
            "wattle-kube",
            "wattle-shim",
        ],
        never: &[],
    },
    Room { name: "wattle-testkit", ours: &["wattle-spec"], never: &["wasmtime"] },
    Room { name: "xtask", ours: &[], never: &["clap", "tokio", "wasmtime"] },
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None: a normal one.
    kind: Option<String>,
}

pub(super) fn check() -> Result<Vec<Breach>> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let metadata: Metadata = serde_json::from_str(&process::read(&mut cargo)?).context("read the cargo metadata")?;
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    Ok(metadata.packages.iter().flat_map(|package| breaches(package, &ours)).collect())
}

fn breaches(package: &Package, ours: &BTreeSet<&str>) -> Vec<Breach> {
    let Some(room) = ROOMS.iter().find(|room| room.name == package.name) else {
        return vec![format!("{}: not in the table of rooms (xtask/src/tidy/dependencies.rs)", package.name)];
    };
    let forbidden = package.dependencies.iter().filter(|dependency| !room.allows(dependency, ours));
    forbidden.map(|dependency| format!("{}: must not depend on {}", package.name, dependency.name)).collect()
}

impl Room {
    fn allows(&self, dependency: &Dependency, ours: &BTreeSet<&str>) -> bool {
        let name = dependency.name.as_str();
        let in_tests = dependency.kind.as_deref() == Some("dev");
        if ours.contains(name) {
            // A crate's tests may take the crate itself with more features.
            self.ours.contains(&name) || (in_tests && ["wattle-testkit", self.name].contains(&name))
        } else {
            in_tests || !self.never.iter().any(|beginning| name.starts_with(beginning))
        }
    }
}
