//! The command line, as clap reads it.

mod artifact;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use wattle_spec::app::Access;
use wattle_spec::fault::{listed, nearest};
use wattle_spec::label::LinkKey;
use wattle_spec::limits::{ComponentLimits, LimitSet};
use wattle_spec::listen::Listen;
use wattle_spec::name::{AppId, BackendName, ComponentName, NameError, ProviderName};
use wattle_spec::network::{
    AddressRange, AddressRangeError, EndpointPattern, EndpointPatternError, OriginPattern, OriginPatternError,
};
use wattle_spec::socket::{self, SocketError};

pub(crate) use self::artifact::{
    Cache, CacheList, CachePrune, Form, Key, KeyKind, KeyNew, Login, Logout, Pull, Push, Reaching, Sign, Verify,
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
    /// Show the apps that run and how they are
    Ps(Ps),
    /// Show what running apps and their host say
    Logs(Logs),
    /// Show what the imports of running apps are linked to
    #[command(subcommand)]
    Link(Link),
    /// Show the schedules of running apps, or run one now
    #[command(subcommand)]
    Cron(Cron),
    /// Run a command to its end, or call one of its exports
    Run(Run),
    /// Let a version of an app ask for more than the one before
    Approve(Approve),
    /// Publish a component in a registry
    Push(Push),
    /// Fetch a component from a registry
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
    /// Show what another version could touch, and whether it may replace one
    Diff(Diff),
    /// Show what provides each import, and which rule chose it
    Explain(Explain),
    /// Find every fault of a manifest without running it
    Check(Check),
    /// Print the JSON Schema of wattle.toml or host.toml
    Schema(Schema),
    /// Print completions for a shell
    Completions(Completions),
}

/// Which app, and on what kind of host
#[derive(Debug, Args)]
pub(crate) struct What {
    /// A folder with wattle.toml, a manifest, or a .wasm or .wat file
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
    #[command(flatten)]
    pub(crate) what: What,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) what: What,
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

/// Whom to ask, and how to show what they say
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask the host at this socket [default: all of yours that run here]
    #[arg(long, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Ps {
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Of this app, or of one of its components, alone
    #[arg(value_name = "APP[/COMPONENT]")]
    pub(crate) of: Option<LogsOf>,
    /// Go on with the lines that come
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Begin with this many of the last lines
    #[arg(long, value_name = "LINES", default_value_t = 100)]
    pub(crate) tail: usize,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// Whose lines somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogsOf {
    pub(crate) app: AppId,
    pub(crate) component: Option<ComponentName>,
}

/// `APP`, `APP/COMPONENT`, or `NAMESPACE/APP/COMPONENT`.
impl FromStr for LogsOf {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.rsplit_once('/') {
            None => Ok(Self { app: text.parse()?, component: None }),
            Some((app, component)) => Ok(Self { app: app.parse()?, component: Some(component.parse()?) }),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Link {
    /// Show what provides each import, and which rule chose it
    List(LinkList),
    /// Lead a link to another backend or component while its app runs
    Set(LinkSet),
    /// Move what a link keeps to another backend, and lead the link there
    Move(LinkMove),
    /// Lead a link back to where it led when its app was started
    Rm(LinkRm),
}

/// Which component of which app
#[derive(Debug, Args)]
pub(crate) struct LinkOf {
    /// Which app
    pub(crate) app: AppId,
    /// Which of its components
    pub(crate) component: ComponentName,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct LinkSet {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, and the backend or component, as in wasi:keyvalue=memory
    #[arg(value_name = "INTERFACE=PROVIDER", value_parser = link::<ProviderName>)]
    pub(crate) link: (LinkKey, ProviderName),
}

#[derive(Debug, Args)]
pub(crate) struct LinkMove {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, and the backend, as in wasi:keyvalue=nats
    #[arg(value_name = "INTERFACE=BACKEND", value_parser = link::<BackendName>)]
    pub(crate) link: (LinkKey, BackendName),
    /// First remove what the app keeps in that backend already
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LinkRm {
    #[command(flatten)]
    pub(crate) of: LinkOf,
    /// What of its imports, as in wasi:keyvalue
    #[arg(value_name = "INTERFACE")]
    pub(crate) interface: LinkKey,
}

#[derive(Debug, Args)]
pub(crate) struct LinkList {
    /// Of this app alone
    pub(crate) app: Option<AppId>,
    /// Of this component alone
    pub(crate) component: Option<ComponentName>,
    /// Show those of the WASI core, too; JSON always has them
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cron {
    /// Show schedules: when they are due next, and how they ran last
    List(CronList),
    /// Run a schedule now, and wait for its end
    Run(CronRun),
}

#[derive(Debug, Args)]
pub(crate) struct CronList {
    /// Of this app alone
    pub(crate) app: Option<AppId>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct CronRun {
    /// Which app
    pub(crate) app: AppId,
    /// A component with one schedule, or a schedule as in 'job at @daily (UTC)'
    #[arg(value_name = "COMPONENT|TRIGGER")]
    pub(crate) schedule: String,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A .wasm or .wat file, or an app of one component
    pub(crate) file: PathBuf,
    /// What the command gets as arguments; behind `--` if they look like options
    #[arg(value_name = "ARGS")]
    pub(crate) arguments: Vec<OsString>,
    /// Call this export, as in 'add(1, 2)', and print what it returns
    #[arg(long, value_name = "CALL", conflicts_with = "arguments")]
    pub(crate) invoke: Option<String>,
    /// Give it an environment variable; without a value, the one that it has here
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable_or_ours)]
    pub(crate) env: Vec<(String, String)>,
    /// Let it see a directory, read-only with `:ro`
    #[arg(long = "dir", value_name = "HOST[::GUEST][:ro]", value_parser = mount)]
    pub(crate) mounts: Vec<Mount>,
    /// Let a backend provide an interface, as in wasi:keyvalue=memory
    #[arg(long = "link", value_name = "INTERFACE=BACKEND", value_parser = link::<BackendName>)]
    pub(crate) links: Vec<(LinkKey, BackendName)>,
    /// Let it reach something: http=ORIGIN, network=RANGE, tcp=ENDPOINT or
    /// udp=ENDPOINT, as in tcp=10.0.0.0/8:5432
    #[arg(long = "allow", value_name = "KIND=WHAT", value_parser = allow)]
    pub(crate) allow: Vec<Allow>,
    /// Set a limit, as in memory=64MiB or deadline=5s; it has no deadline
    /// otherwise
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<Limit>,
    /// Keep data here [default: .wattle beside the file]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// A directory that a command sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) host: String,
    pub(crate) guest: String,
    pub(crate) access: Access,
}

/// Something of the network that a command may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allow {
    Http(OriginPattern),
    Network(AddressRange),
    Tcp(EndpointPattern),
    Udp(EndpointPattern),
}

/// A limit that is known, with a value that it can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) value: String,
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
    /// Ask the host at this socket [default: all of yours that run here]
    #[arg(long, value_name = "PATH", requires = "running")]
    pub(crate) control: Option<PathBuf>,
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
    /// Which file's schema
    #[arg(default_value = "app")]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaOf {
    /// wattle.toml
    App,
    /// host.toml
    Host,
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

/// `NAME=VALUE`, or `NAME` for what it is in our own environment.
fn variable_or_ours(text: &str) -> Result<(String, String), String> {
    if text.contains('=') || text.is_empty() {
        return variable(text);
    }
    match std::env::var(text) {
        Ok(value) => Ok((text.into(), value)),
        Err(_) => Err(format!("{text} is not set here; to give it a value, write {text}=VALUE")),
    }
}

/// `HOST::GUEST`, or `HOST` for the same path in the guest, below its root.
fn mount(text: &str) -> Result<Mount, String> {
    let (paths, access) = match text.strip_suffix(":ro") {
        Some(paths) => (paths, Access::Read),
        None => (text, Access::ReadWrite),
    };
    let (host, guest) = match paths.split_once("::") {
        Some((host, guest)) => (host, guest.to_owned()),
        None => (paths, format!("/{}", paths.trim_start_matches("./").trim_matches('/'))),
    };
    let guest = if guest == "/." { "/".into() } else { guest };
    let is_odd = |segment: &str| matches!(segment, "" | "..");
    let below = guest.trim_start_matches('/').trim_end_matches('/');
    if host.is_empty() || guest.is_empty() || !below.is_empty() && below.split('/').any(is_odd) {
        return Err("expected HOST::GUEST or HOST::GUEST:ro, as in ./data::/data".into());
    }
    Ok(Mount { host: host.into(), guest, access })
}

fn link<Name: FromStr<Err = NameError>>(text: &str) -> Result<(LinkKey, Name), String> {
    let Some((interface, name)) = text.rsplit_once('=') else {
        return Err("expected an interface and where it leads, as in wasi:keyvalue=memory".into());
    };
    let key = interface.parse().map_err(|error: wattle_spec::label::LinkKeyError| error.to_string())?;
    Ok((key, name.parse().map_err(|error: NameError| error.to_string())?))
}

fn allow(text: &str) -> Result<Allow, String> {
    let expected = || "expected http=ORIGIN, network=RANGE, tcp=ENDPOINT or udp=ENDPOINT".to_owned();
    let (kind, what) = text.split_once('=').ok_or_else(expected)?;
    match kind {
        "http" => what.parse().map(Allow::Http).map_err(|error: OriginPatternError| error.to_string()),
        "network" => what.parse().map(Allow::Network).map_err(|error: AddressRangeError| error.to_string()),
        "tcp" => what.parse().map(Allow::Tcp).map_err(|error: EndpointPatternError| error.to_string()),
        "udp" => what.parse().map(Allow::Udp).map_err(|error: EndpointPatternError| error.to_string()),
        _ => Err(expected()),
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("expected NAME=VALUE, as in memory=64MiB".into());
    };
    match ComponentLimits::default().set(name, value) {
        Ok(()) => Ok(Limit { name: name.into(), value: value.into() }),
        Err(Some(expected)) => Err(expected),
        Err(None) => {
            let known: Vec<String> = ComponentLimits::rows().into_iter().map(|row| row.key).collect();
            let advice = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the limits are {}", listed(&known)),
            };
            Err(format!("there is no limit `{name}`; {advice}"))
        }
    }
}
