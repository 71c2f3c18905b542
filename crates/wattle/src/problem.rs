//! Every expected failure of the command line.

mod exit;
mod hint;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use wattle_artifact::credentials::CredentialsError;
use wattle_artifact::fetch::FetchError;
use wattle_artifact::folder::FolderError;
use wattle_artifact::format::app::AppFormError;
use wattle_artifact::look::LookError;
use wattle_artifact::publish::SbomError;
use wattle_artifact::registry::{RegistryError, SettingsError};
use wattle_artifact::sign::error::KeyError;
use wattle_artifact::signatures::SigningError;
use wattle_artifact::store::StoreError;
use wattle_backend::disk::{BackupError, DataDirError};
use wattle_backend::error::BackendError;
use wattle_host::engine::CodeCacheError;
use wattle_host::tls::CertificateError;
use wattle_host::{CommandError, HostError, StartError, Trap};
use wattle_spec::choices::ChoicesError;
use wattle_spec::control::{Cut, Refusal, RefusalCode};
use wattle_spec::digest::Digest;
use wattle_spec::fault::Fault;
use wattle_spec::listen::Listen;
use wattle_spec::lock::LockError;
use wattle_spec::mask;
use wattle_spec::name::{AppId, ComponentName, NameError};
use wattle_spec::policy::ApprovedError;
use wattle_spec::reference::Reference;
use wattle_spec::shape::ShapeError;
use wattle_spec::telemetry::TelemetryVariableError;

pub(crate) use self::exit::Exit;
use crate::control::{AskError, HostAddress, ReachError, SocketError, TokenError};
use crate::daemon::DesiredError;
use crate::policy::approval::NotApproved;
use crate::policy::{Refusal as PolicyRefusal, Unjudged};

/// What a file was read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// As the PATH of an app.
    App,
    /// As the host's own file.
    HostFile,
    /// As the lock of an app.
    Lock,
    /// For the bytes of a component.
    Component,
}

/// What an address is for that is not one of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Admin,
    Control,
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Admin => "health and metrics",
            Self::Control => "the control protocol",
        })
    }
}

/// A text with what is wrong in it.
#[derive(Debug)]
pub(crate) struct FaultyText {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) faults: Vec<Fault>,
}

impl FaultyText {
    /// The manifest `text`, as it may be shown.
    pub(crate) fn manifest(file: PathBuf, text: &str, faults: Vec<Fault>) -> Self {
        Self { file, text: mask::manifest(text), faults }
    }

    /// The host's file `text`, as it may be shown.
    pub(crate) fn host_file(file: PathBuf, text: &str, faults: Vec<Fault>) -> Self {
        Self { file, text: mask::host_file(text), faults }
    }
}

fn because(reasons: &[String]) -> String {
    match reasons {
        [] => ": it has none".into(),
        reasons => format!(": {}", reasons.join("; ")),
    }
}

/// `count` of something, in the words for one or for several.
fn one_or<N: PartialEq + From<u8> + std::fmt::Display>(count: N, one: &str, several: &str) -> String {
    format!("{count} {}", if count == N::from(1) { one } else { several })
}

/// What somebody named, with the app that the host found it to be.
fn named(what: &str, refusal: &Refusal) -> String {
    match refusal.app.as_ref().map(ToString::to_string).filter(|app| app != what) {
        Some(app) => format!("{what} ({app})"),
        None => what.into(),
    }
}

fn files(texts: &[FaultyText]) -> String {
    texts.iter().map(|text| text.file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

/// Why a verb did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot read {}", path.display())]
    Unreadable { what: Input, path: PathBuf, source: io::Error },
    #[error("{} is {what} and no regular file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("cannot tell where {} is", path.display())]
    NoPlace { path: PathBuf, source: io::Error },
    #[error("there is no app at {}: it has no wattle.toml", .0.display())]
    NoManifest(PathBuf),
    #[error("{} is neither a manifest nor a Wasm file", .0.display())]
    UnknownFile(PathBuf),
    #[error("there are faults in {}", files(.0))]
    Faults(Vec<FaultyText>),
    #[error("{} cannot be used", path.display())]
    Shape { path: PathBuf, source: ShapeError },
    #[error("{} cannot be used: {reason}", path.display())]
    Text { path: PathBuf, reason: String },
    #[error("{} is larger than the {limit} that a component may have (limit compile-size)", path.display())]
    TooLarge { path: PathBuf, limit: wattle_spec::units::ByteSize },
    #[error("{} has no WIT: it is a core module", .0.display())]
    NoWit(PathBuf),
    #[error("cannot read the WIT of {}: {reason}", path.display())]
    Wit { path: PathBuf, reason: String },
    #[error("the address {0} is given twice")]
    ListenTwice(SocketAddr),
    #[error("an app cannot be called {name:?}")]
    Name { name: String, source: NameError },
    #[error("{} exists and is not an empty directory", .0.display())]
    Occupied(PathBuf),
    #[error("{} exists and is not an empty directory, which an app needs", .0.display())]
    NoRoomForApp(PathBuf),
    #[error("cannot {operation} {}", path.display())]
    File { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("the build of `{component}` failed: {status}")]
    Build { component: ComponentName, status: ExitStatus, hint: String },
    #[error("the build of `{component}` did not leave {}", path.display())]
    NotBuilt { component: ComponentName, path: PathBuf },
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("cannot make an artifact of {}", path.display())]
    PackApp { path: PathBuf, source: AppFormError },
    #[error("this is an app, and stdout takes one component")]
    AppToStdout,
    #[error("{option} is for a component, and this is an app")]
    OfComponent { option: &'static str },
    #[error("{reference} is not pushed with that SBOM")]
    Sbom { reference: Reference, source: SbomError },
    #[error("cannot use a folder of the app")]
    Folder(#[source] FolderError),
    #[error(transparent)]
    Look(#[from] LookError),
    #[error("{reference} is in a registry, and its WIT is in its layer")]
    NoLayer { reference: Reference },
    #[error("cannot push {reference}")]
    Push { reference: Reference, source: RegistryError },
    #[error("cannot look for signatures of {reference}")]
    Verify { reference: Reference, source: RegistryError },
    #[error("{unjudged}")]
    Unjudged { unjudged: Unjudged, source: RegistryError },
    #[error("no signature of {reference} counts{}", because(reasons))]
    NotSigned { reference: Reference, reasons: Vec<String> },
    #[error("cannot sign {reference}")]
    Sign { reference: Reference, source: SigningError },
    #[error("the policy of {} does not let it take the place of what there is", config.display())]
    NotReplaced { config: PathBuf },
    #[error("cannot use the key {}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("cannot ask registries")]
    Registries(#[from] SettingsError),
    #[error("cannot use what is kept of registries")]
    Store(#[from] StoreError),
    #[error("cannot use what is kept of registries")]
    KeptFolders(#[source] FolderError),
    #[error("{} left until no app serves what is in it", one_or(*folders, "damaged folder is", "damaged folders are"))]
    DamagedInUse { folders: usize },
    #[error("{} damaged, and removed", one_or(*pieces, "piece of what was kept of registries was", "pieces of what was kept of registries were"))]
    DamagedCache { pieces: usize },
    #[error("there is nowhere to keep what comes from registries")]
    NoCacheDir,
    #[error("{reference} is not in wattle.lock")]
    NotLocked { reference: Reference },
    #[error("{} cannot be used", path.display())]
    Lock { path: PathBuf, source: LockError },
    #[error("the lock of the app {reference} cannot be used")]
    ShippedLock { reference: Reference, source: LockError },
    #[error("cannot change who is logged in")]
    Credentials(#[from] CredentialsError),
    #[error("no password came from stdin, or one of more than 64 KiB")]
    NoPassword,
    #[error("{registry} does not take this name with this password")]
    WrongPassword { registry: String },
    #[error("cannot ask {registry} whether it takes the password")]
    Login { registry: String, source: RegistryError },
    #[error("what lies at {reference} cannot be used")]
    NoComponent { reference: Reference, source: ShapeError },
    #[error("this would be {digest}, and the reference says {asked}")]
    OtherDigest { asked: Digest, digest: Digest },
    #[error("no time is so late that it could expire then")]
    TooLate,
    #[error("interrupted")]
    Stopped(Exit),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot listen on {address} for {what}")]
    ListenFor { what: Purpose, address: SocketAddr, source: io::Error },
    #[error("cannot listen on socket {number} of those that were passed (LISTEN_FDS)")]
    PassedSocket { number: usize, source: io::Error },
    #[error("cannot have a control socket")]
    ControlSocket(#[source] SocketError),
    #[error("no host of this user runs here")]
    NoHost,
    #[error("several hosts take apps here: {}", hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    WhichHost { hosts: Vec<HostAddress> },
    #[error("several hosts run here: {}", hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    SeveralHosts { hosts: Vec<HostAddress> },
    #[error("nobody knows where to keep what runs")]
    NoStateDir,
    #[error("cannot use what is written down of apps")]
    Desired(#[from] DesiredError),
    #[error("several hosts run the app `{app}`: {}", hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    ManyHosts { app: AppId, hosts: Vec<HostAddress> },
    #[error("cannot ask the host at {host}")]
    Ask { host: HostAddress, source: AskError },
    #[error("cannot ask a host on another machine")]
    Reach(#[source] ReachError),
    #[error("{} is on this machine, and the host at {host} on another", path.display())]
    Elsewhere { path: PathBuf, host: HostAddress },
    #[error("nobody can ask the host from another machine")]
    Token(#[source] TokenError),
    #[error("{0}")]
    Refused(Refusal),
    #[error("{}: {refusal}", named(what, refusal))]
    RefusedOf { what: String, refusal: Refusal },
    #[error("`{trigger}` failed (run {run}): {reason}")]
    RunFailed { trigger: String, run: String, reason: String },
    #[error("cannot use the certificate {} with the key {}", cert.display(), key.display())]
    Certificate { cert: PathBuf, key: PathBuf, source: CertificateError },
    #[error("cannot read {}, which is part of a certificate", path.display())]
    CertificateFile { path: PathBuf, source: io::Error },
    #[error("cannot serve {0}: there is no certificate")]
    NoCertificate(Listen),
    #[error("cannot use the data directory")]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{} does not say where the app keeps its state", path.display())]
    Choices { path: PathBuf, source: ChoicesError },
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    #[error("{} does not say what was approved", path.display())]
    Approved { path: PathBuf, source: ApprovedError },
    #[error("cannot open the data")]
    Data(#[from] BackendError),
    #[error("cannot use the cache of compiled code")]
    CodeCache(#[from] CodeCacheError),
    #[error("the environment asks for telemetry that cannot be had")]
    Telemetry(#[from] TelemetryVariableError),
    #[error("the host cannot start")]
    Host(#[from] HostError),
    #[error("the app cannot start")]
    Start(#[from] StartError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("{} is an app of {components} components, and `run` takes an app of one", path.display())]
    ManyComponents { path: PathBuf, components: usize },
    #[error("there is no {what}")]
    NotThere { what: String, hint: String },
    #[error("{what} is not UTF-8, and a component is given text only")]
    NotText { what: String },
    #[error("{program} trapped: {trap}")]
    Trap { program: String, trap: Trap },
    #[error("{program} was still running at its deadline and was ended (limit deadline)")]
    Deadline { program: String },
    #[error("cannot {operation}")]
    System { operation: &'static str, source: io::Error },
    #[error("what did not end within the drain limit was cut: {0}")]
    Cut(Cut),
    #[error("{url} is removed, and what did not end there within the drain limit was cut: {}", one_or(*cut, "connection", "connections"))]
    CutThere { url: String, cut: u64 },
    #[error("the host at {host} ended at once, and did not say what was cut")]
    EndedUntold { host: HostAddress },
    #[error("the host at {host} has drained, and its process did not end in {waited:?}")]
    Lingers { host: HostAddress, waited: Duration },
    #[error("a second signal came before all requests had ended, and those under way were cut")]
    Interrupted,
    #[error("{0}")]
    Compile(String),
}

impl Problem {
    /// The same; if it is that somebody asked for an end, with the signal that did.
    pub(crate) fn stopped_by(self, exit: Exit) -> Self {
        match self {
            Problem::Stopped(_) => Problem::Stopped(exit),
            other => other,
        }
    }

    /// The same of one of several that somebody named; it says which one.
    pub(crate) fn of(self, what: String) -> Self {
        match self {
            Problem::Refused(refusal) => Problem::RefusedOf { what, refusal },
            other => other,
        }
    }

    /// Whether a route of what is to run is another app's.
    pub(crate) fn is_taken_route(&self) -> bool {
        matches!(self, Problem::RefusedOf { refusal, .. } if refusal.code == RefusalCode::RouteTaken)
    }

    /// Whether a file that should be read is not there.
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Problem::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
