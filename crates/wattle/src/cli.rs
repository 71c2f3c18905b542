//! The command line, as clap reads it.

mod artifact;
mod deploy;
mod run;
mod running;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use wattle_spec::listen::Listen;
use wattle_spec::socket::{self, SocketError};

pub(crate) use self::artifact::{
    Cache, CacheList, CachePrune, Form, Key, KeyKind, KeyNew, Login, Logout, Pull, Push, Reaching, Sign, Verify,
};
pub(crate) use self::deploy::{
    Apply, Describe, Drain, Host, HostBackup, HostKeeping, HostPlace, Listener, ListenerList, ListenerOf, OfApps,
    Rollback,
};
pub(crate) use self::run::{Allow, Run};
pub(crate) use self::running::{
    Cron, CronList, CronRun, Events, Following, Link, LinkList, LinkMove, LinkOf, LinkRm, LinkSet, Logs, LogsOf, Ps,
    ReachArgs,
};
use crate::problem::Exit;
use crate::template::Template;

/// Builds, ships and runs WebAssembly applications
#[derive(Debug, Parser)]
#[command(name = "wattle", version, max_term_width = 79, disable_help_subcommand = true)]
#[command(after_help = format!("Exit codes:\n  0    It was done{}", Exit::table()))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a new app from a template
    New(New),
    /// Build an app's components and check what came of it
    Build(Build),
    /// Run an app in the foreground
    Up(Up),
    /// Run a host of many apps, which remembers them
    Host(Host),
    /// Have a host run apps, or newer versions of them
    Apply(Apply),
    /// Show the apps that run and how they are
    Ps(Ps),
    /// Show an app of a host and the generations of it that are kept
    Describe(Describe),
    /// Have an earlier generation of an app run again
    Rollback(Rollback),
    /// End an app, which stays known
    Stop(OfApps),
    /// Run apps again that were stopped
    Start(OfApps),
    /// End apps and forget them
    Rm(OfApps),
    /// Show what running apps and their host say
    Logs(Logs),
    /// Show what happens to apps: how they are, what ends, what fails
    Events(Events),
    /// Show what the imports of running apps are linked to
    #[command(subcommand)]
    Link(Link),
    /// Show where hosts serve, or have one serve on other addresses
    #[command(subcommand)]
    Listener(Listener),
    /// End a host in good order, and wait until it has ended
    Drain(Drain),
    /// Show the schedules of running apps, or run one now
    #[command(subcommand)]
    Cron(Cron),
    /// Run a command to its end, or call one of its exports
    Run(Run),
    /// Let a version of an app ask for more than the one before
    Approve(Approve),
    /// Publish a component or an app in a registry
    Push(Push),
    /// Fetch a component or an app from a registry
    Pull(Pull),
    /// Log in to a registry
    Login(Login),
    /// Log out of a registry
    Logout(Logout),
    /// Sign an artifact in its registry
    Sign(Sign),
    /// Check who signed an artifact
    Verify(Verify),
    /// Make keys for signatures
    #[command(subcommand)]
    Key(Key),
    /// Show or clean what is kept of registries on this machine
    #[command(subcommand)]
    Cache(Cache),
    /// Show what a file or an artifact is and what it could touch
    Inspect(Inspect),
    /// Compare what two versions of something could touch
    Diff(Diff),
    /// Show what provides each import, and which rule chose it
    Explain(Explain),
    /// Find every fault of a manifest without running it
    Check(Check),
    /// Print the JSON Schema of a file, or OpenAPI
    Schema(Schema),
    /// Print completions for a shell
    Completions(Completions),
}

/// Which app, and on what kind of host
#[derive(Debug, Args)]
pub(crate) struct What {
    /// A folder with wattle.toml, a manifest, a .wasm or .wat file, or what lies
    /// at a reference, as in ghcr.io/me/shop:1.0
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// What the app is called: lower-case letters, digits, inner hyphens
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// What it begins as
    #[arg(long, value_name = "TEMPLATE", default_value = "http-rust")]
    #[arg(value_parser = PossibleValuesParser::new(Template::names()))]
    pub(crate) template: String,
    /// Write it here [default: NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// List the templates
    #[arg(long, conflicts_with_all = ["name", "template", "dir"])]
    pub(crate) list: bool,
    /// Print the list as JSON
    #[arg(long, requires = "list")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    pub(crate) what: What,
    /// Where its host keeps data [default: .wattle beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Show what would be approved, and approve nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What there is: a reference, a file or a folder with wattle.toml
    pub(crate) from: PathBuf,
    /// What there could be in its place
    pub(crate) to: PathBuf,
    /// The host's own file, host.toml: its policy, and how it reaches
    /// registries
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// A folder with wattle.toml, or a manifest
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) serving: Serving,
    /// Keep data here [default: .wattle beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Give every component this environment variable
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Ask registries: always, if something is missing, or never
    /// [default: as the manifest says]
    #[arg(long, value_name = "WHEN", value_parser = pull)]
    pub(crate) pull: Option<wattle_spec::manifest::Pull>,
    /// Run exactly what wattle.lock says, and leave it as it is
    #[arg(long)]
    pub(crate) locked: bool,
    /// Ask no registry: everything is on this machine
    #[arg(long, conflicts_with = "pull")]
    pub(crate) offline: bool,
}

/// Where and how a host serves
#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Serve on this address; may be given more than once, and with http:// or
    /// https:// in front [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    pub(crate) listen: Vec<Listen>,
    /// Serve TLS with this chain of certificates, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Write a line for each request to the log
    #[arg(long)]
    pub(crate) access_log: bool,
    /// Tell of health, readiness and metrics on this address, by plain HTTP
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) admin: Option<SocketAddr>,
    /// Write the log in this form
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Answer `wattle ps` and others on this socket, or with `none` not at all
    /// [default: one in this user's runtime directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) control: Option<ControlPlace>,
}

/// Where a host answers what is asked of it while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ControlPlace {
    Nowhere,
    At(PathBuf),
}

impl From<OsString> for ControlPlace {
    fn from(text: OsString) -> Self {
        if text == "none" { Self::Nowhere } else { Self::At(text.into()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm or .wat file, or an artifact, as in ghcr.io/me/cart:1.0
    pub(crate) what: PathBuf,
    /// Print the WIT of its world
    #[arg(long, conflicts_with = "json")]
    pub(crate) wit: bool,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("asked").args(["control", "control_token", "control_ca"]).multiple(true).requires("running")))]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) what: What,
    /// One component of it
    pub(crate) component: Option<String>,
    /// What it imports: an interface or a package, with or without #LABEL
    pub(crate) import: Option<String>,
    /// Look here for where its state is recorded
    /// [default: .wattle beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Ask the hosts that run: PATH is the name of an app then, or left out
    #[arg(long, conflicts_with_all = ["config", "data_dir"])]
    pub(crate) running: bool,
    #[command(flatten)]
    pub(crate) reaching: ReachArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) what: What,
    /// Look here for where its state is recorded
    /// [default: .wattle beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(default_value = "app")]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaOf {
    /// wattle.toml
    App,
    /// host.toml
    Host,
    /// The control protocol, as an OpenAPI document
    Control,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// The process that the host starts to compile: Wasm on stdin, code on stdout.
/// No verb, so that no completion offers it.
#[derive(Debug, Parser)]
#[command(name = "wattle-compile")]
pub(crate) struct Compile {
    /// The engine profile
    #[arg(long)]
    pub(crate) profile: String,
    /// Seconds of processor time
    #[arg(long)]
    pub(crate) cpu_seconds: u64,
    /// Bytes of address space
    #[arg(long)]
    pub(crate) memory_bytes: u64,
}

fn pull(text: &str) -> Result<wattle_spec::manifest::Pull, String> {
    let of = serde_json::from_value(text.into());
    of.map_err(|_| "expected always, missing or never".into())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number, as in 7".into())
}

fn listen(text: &str) -> Result<Listen, String> {
    text.parse().map_err(|error: SocketError| format!("it is no IP address with a port; {}", error.hint()))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    socket::parse(text).map_err(|error| format!("it is no IP address with a port; {}", error.hint()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE, as in LEVEL=debug".into()),
    }
}
