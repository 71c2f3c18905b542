//! The verbs for a host of many apps, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wattle_spec::listen::Listen;
use wattle_spec::name::{AppId, Namespace};

use super::Serving;
use super::running::Whom;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Host {
    #[command(flatten)]
    pub(crate) place: HostPlace,
    #[command(flatten)]
    pub(crate) serving: Serving,
    #[command(subcommand)]
    pub(crate) keeping: Option<HostKeeping>,
}

#[derive(Debug, Args)]
pub(crate) struct HostPlace {
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where it keeps what runs, and what apps keep
    /// [default: wattle in $XDG_STATE_HOME, or in ~/.local/state]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostKeeping {
    /// Write what a host keeps, while it does not run, to a file
    Backup(HostBackup),
    /// Have a host that keeps nothing yet keep what is in a backup
    Restore(HostBackup),
}

#[derive(Debug, Args)]
pub(crate) struct HostBackup {
    /// The backup: a tar archive, compressed by gzip
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: HostPlace,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Listener {
    /// Show where hosts serve, who asked for it, and the open connections
    List(ListenerList),
    /// Serve on one more address, from now on
    Add(ListenerOf),
    /// Serve on an address no more; what is under way there ends first
    Rm(ListenerOf),
}

#[derive(Debug, Args)]
pub(crate) struct ListenerList {
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct ListenerOf {
    /// An IP address and a port, with http:// or https:// in front if that
    /// matters
    #[arg(value_name = "ADDR", value_parser = super::listen)]
    pub(crate) listen: Listen,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// Folders with wattle.toml, manifests, .wasm or .wat files, or what lies at
    /// references, as in ghcr.io/me/shop:1.0
    #[arg(required = true, value_name = "PATH|REF")]
    pub(crate) what: Vec<PathBuf>,
    /// Run them in this namespace
    #[arg(long, value_name = "NAMESPACE", default_value_t)]
    pub(crate) namespace: Namespace,
    /// Make it this generation, which has to be a newer one
    #[arg(long, value_name = "NUMBER", value_parser = super::number::<u64>)]
    pub(crate) generation: Option<u64>,
    /// Ask registries: always, if something is missing, or never
    /// [default: as the manifest says]
    #[arg(long, value_name = "WHEN", value_parser = super::pull)]
    pub(crate) pull: Option<wattle_spec::manifest::Pull>,
    /// Run exactly what wattle.lock says, and leave it as it is
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Which app
    pub(crate) app: AppId,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct OfApps {
    /// Which apps
    #[arg(required = true, value_name = "APP")]
    pub(crate) apps: Vec<AppId>,
    #[command(flatten)]
    pub(crate) asking: Whom,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Which app
    pub(crate) app: AppId,
    /// Which generation [default: the one before that which runs]
    #[arg(value_parser = super::number::<u64>)]
    pub(crate) generation: Option<u64>,
    #[command(flatten)]
    pub(crate) asking: Whom,
}
