//! Every expected failure of the command line, with its exit code and its advice.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use clap::ValueEnum;
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
use wattle_backend::disk::DataDirError;
use wattle_backend::error::BackendError;
use wattle_host::engine::CodeCacheError;
use wattle_host::tls::CertificateError;
use wattle_host::{CommandError, HostError, StartError, TelemetryError, Trap};
use wattle_spec::choices::ChoicesError;
use wattle_spec::control::{Refusal, RefusalCode};
use wattle_spec::digest::Digest;
use wattle_spec::fault::{Fault, listed};
use wattle_spec::listen::Listen;
use wattle_spec::lock::LockError;
use wattle_spec::name::{AppId, AppName, ComponentName, NameError};
use wattle_spec::policy::ApprovedError;
use wattle_spec::reference::Reference;
use wattle_spec::shape::{Shape, ShapeError};
use wattle_spec::telemetry::TelemetryVariableError;

use crate::control::{AskError, SocketError};
use crate::policy::Refusal as PolicyRefusal;
use crate::policy::approval::NotApproved;

/// How `wattle` ends, if not well. Help and documentation show the first line of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It could not be done
    Failed = 1,
    /// What was given is wrong: the command line, a manifest, a component
    BadInput = 2,
    /// Something outside is in the way: a port, a directory, another process
    Blocked = 3,
    /// It was told to end, and something did not end in time and was cut
    Cut = 4,
    /// A command was still running at its deadline
    ///
    /// As `timeout` ends.
    Deadline = 124,
    /// A verb other than `up` was interrupted (SIGINT)
    ///
    /// This and those below are what a shell makes of the signal.
    Interrupted = 130,
    /// A command trapped
    ///
    /// As `abort` ends.
    Trapped = 134,
    /// Nobody read the output of a command any more
    ReaderGone = 141,
    /// A verb other than `up` was told to end (SIGTERM)
    Terminated = 143,
}

impl Exit {
    /// A table of all, for people.
    pub(crate) fn table() -> String {
        let line = |exit: &Self| {
            let meaning = exit.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
            format!("\n  {:<4} {}", *exit as u8, meaning.unwrap_or_default())
        };
        Self::value_variants().iter().map(line).collect()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

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

/// A text with what is wrong in it.
#[derive(Debug)]
pub(crate) struct FaultyText {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) faults: Vec<Fault>,
}

fn because(reasons: &[String]) -> String {
    match reasons {
        [] => ": it has none".into(),
        reasons => format!(": {}", reasons.join("; ")),
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
    #[error("{option} is for a component, and this is an app")]
    OfComponent { option: &'static str },
    #[error("{reference} was pushed without its SBOM, and not tagged")]
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
    #[error("no signature of {reference} is of a key that was named{}", because(reasons))]
    NotSigned { reference: Reference, reasons: Vec<String> },
    #[error("cannot sign {reference}")]
    Sign { reference: Reference, source: SigningError },
    #[error("cannot use the key {}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("cannot ask registries")]
    Registries(#[from] SettingsError),
    #[error("cannot use what is kept of registries")]
    Store(#[from] StoreError),
    #[error("{pieces} pieces of what was kept of registries were damaged, and are removed")]
    DamagedCache { pieces: usize },
    #[error("there is nowhere to keep what comes from registries")]
    NoCacheDir,
    #[error("{reference} is not in wattle.lock")]
    NotLocked { reference: Reference },
    #[error("{} cannot be used", path.display())]
    Lock { path: PathBuf, source: LockError },
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
    #[error("cannot have a control socket")]
    ControlSocket(#[source] SocketError),
    #[error("no host of this user runs here")]
    NoHost,
    #[error("several hosts run the app `{app}`: {}", sockets.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    ManyHosts { app: AppId, sockets: Vec<PathBuf> },
    #[error("cannot ask the host at {}", socket.display())]
    Ask { socket: PathBuf, source: AskError },
    #[error("{0}")]
    Refused(Refusal),
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
    #[error("some requests did not end within the drain limit and were cut")]
    Cut,
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

    pub(crate) fn exit_code(&self) -> Exit {
        match self {
            Problem::NoManifest(_)
            | Problem::UnknownFile(_)
            | Problem::Faults(_)
            | Problem::Shape { .. }
            | Problem::Text { .. }
            | Problem::TooLarge { .. }
            | Problem::NoWit(_)
            | Problem::Wit { .. }
            | Problem::Unreadable { .. }
            | Problem::NotAFile { .. }
            | Problem::Name { .. }
            | Problem::Certificate { .. }
            | Problem::CertificateFile { .. }
            | Problem::NoCertificate(_)
            | Problem::Telemetry(_)
            | Problem::Host(HostError::Telemetry(TelemetryError::Header { .. }))
            | Problem::ManyHosts { .. }
            | Problem::ListenTwice(_) => Exit::BadInput,
            Problem::Refused(refusal) => match refusal.code {
                RefusalCode::Overlap
                | RefusalCode::TooManyFollowers
                | RefusalCode::BackendUnusable
                | RefusalCode::NotRunning
                | RefusalCode::Stopping => Exit::Blocked,
                RefusalCode::MoveFailed => Exit::Failed,
                _ => Exit::BadInput,
            },
            Problem::Command(CommandError::NoEntry { .. } | CommandError::Call { .. })
            | Problem::ManyComponents { .. }
            | Problem::NotThere { .. }
            | Problem::NotText { .. } => Exit::BadInput,
            Problem::Lock { .. }
            | Problem::Policy(_)
            | Problem::NotApproved(_)
            | Problem::NotLocked { .. }
            | Problem::NoPassword
            | Problem::NoComponent { .. }
            | Problem::OtherDigest { .. }
            | Problem::TooLate
            | Problem::PackApp { .. }
            | Problem::OfComponent { .. }
            | Problem::Sbom { source: SbomError::Form { .. }, .. }
            | Problem::NoLayer { .. }
            | Problem::Key { .. }
            | Problem::Fetch(
                FetchError::NotHere(_)
                | FetchError::Several { .. }
                | FetchError::NoSuchComponent { .. }
                | FetchError::TooLarge { .. }
                | FetchError::Form { .. }
                | FetchError::NoApp(_)
                | FetchError::App { .. }
                | FetchError::AppForm { .. }
                | FetchError::AppText { .. }
                | FetchError::AppTooLarge { .. },
            ) => Exit::BadInput,
            Problem::Fetch(_)
            | Problem::Folder(_)
            | Problem::Sbom { .. }
            | Problem::Look(_)
            | Problem::WrongPassword { .. }
            | Problem::Login { .. }
            | Problem::Push { .. }
            | Problem::Verify { .. }
            | Problem::Registries(_)
            | Problem::Store(_)
            | Problem::NoCacheDir
            | Problem::Credentials(_) => Exit::Blocked,
            Problem::NotSigned { .. } | Problem::Sign { .. } | Problem::DamagedCache { .. } => Exit::Failed,
            Problem::Trap { .. } => Exit::Trapped,
            Problem::Deadline { .. } => Exit::Deadline,
            Problem::Listen { .. }
            | Problem::ControlSocket(_)
            | Problem::DataDir(_)
            | Problem::Choices { .. }
            | Problem::Approved { .. }
            | Problem::CodeCache(_)
            | Problem::Occupied(_) => Exit::Blocked,
            Problem::Cut | Problem::Interrupted => Exit::Cut,
            Problem::Stopped(exit) => *exit,
            Problem::File { .. }
            | Problem::NoPlace { .. }
            | Problem::NoHost
            | Problem::Ask { .. }
            | Problem::RunFailed { .. }
            | Problem::Data(_)
            | Problem::Host(_)
            | Problem::Start(_)
            | Problem::Command(_)
            | Problem::System { .. }
            | Problem::Build { .. }
            | Problem::NotBuilt { .. }
            | Problem::Compile(_) => Exit::Failed,
        }
    }

    /// Whether a file that should be read is not there.
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Problem::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What the user can do about it, if there is something.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Problem::NoManifest(_) => Some("name a folder with a wattle.toml, or a .wasm file".into()),
            Problem::UnknownFile(_) => Some("a manifest ends in .toml, a component in .wasm or .wat".into()),
            Problem::Shape { source, .. } => source.hint().map(Into::into),
            Problem::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                Some(format!("another program listens there; try `--listen {}:0` for a free port", address.ip()))
            }
            Problem::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 are for root; choose a higher one".into())
            }
            Problem::Listen { source, .. } if source.kind() == io::ErrorKind::AddrNotAvailable => {
                Some("this machine does not have that address; 0.0.0.0 stands for all that it has".into())
            }
            Problem::Unreadable { what, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(what.missing().into())
            }
            Problem::Command(CommandError::NoEntry { shape, .. }) => Some(instead_of_running(shape)),
            Problem::NotThere { hint, .. } => Some(hint.clone()),
            Problem::ManyComponents { .. } => Some("name the .wasm file of one of them".into()),
            Problem::Deadline { .. } => Some("raise it with `--limit deadline=TIME`".into()),
            Problem::Trap { trap: Trap { limit: Some(limit), .. }, .. } => {
                Some(format!("raise it with `--limit {limit}=VALUE`"))
            }
            Problem::NotAFile { .. } => {
                Some("name a regular file; what comes out of a pipe or a device has to be put into one first".into())
            }
            Problem::ListenTwice(_) => Some("give each address once".into()),
            Problem::TooLarge { .. } => Some("raise `compile-size` in [limits] of the host's file".into()),
            Problem::Text { .. } => Some("ask `wasm-tools parse` for more".into()),
            Problem::Certificate { source, .. } => source.hint().map(Into::into),
            Problem::CertificateFile { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("let the user that the host runs as read it".into())
            }
            Problem::CertificateFile { .. } => Some("correct the path".into()),
            Problem::NoCertificate(_) => Some("name one with `--tls-cert` and `--tls-key`".into()),
            Problem::ControlSocket(error) => error.hint(),
            Problem::NoHost => {
                Some("start one with `wattle up`, or name the socket of another with `--control PATH`".into())
            }
            Problem::ManyHosts { .. } => Some("name the socket of one with `--control PATH`".into()),
            Problem::Ask { source: AskError::Connect(_), .. } => {
                Some("correct the path, or leave `--control` out: then hosts are found by themselves".into())
            }
            Problem::Refused(refusal) => refusal.hint.clone(),
            Problem::RunFailed { .. } => Some("what it said is in `wattle logs`".into()),
            Problem::DataDir(error) => error.hint(),
            Problem::Choices { source: ChoicesError::Format(_), .. } => Some("run the newer release again".into()),
            Problem::Choices { .. } => Some(
                "restore it from a backup; if you remove it, the app keeps its state where the defaults of now say"
                    .into(),
            ),
            Problem::Policy(error) => Some(error.hint()),
            Problem::NotApproved(error) => Some(error.hint()),
            Problem::Approved { source: ApprovedError::Format(_), .. } => Some("run the newer release again".into()),
            Problem::Approved { .. } => Some(
                "restore it from a backup; if you remove it, what the app asks for at its next start is approved"
                    .into(),
            ),
            Problem::Data(error) => error.hint().map(Into::into),
            Problem::CodeCache(error) => error.hint(),
            Problem::Start(error) => error.hint(),
            Problem::Telemetry(error) => Some(error.hint()),
            Problem::File { operation: "create", source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Some("make the directory that it is to be in first".into()),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Some("choose a place that you may write to with `--dir`".into())
                }
                _ => None,
            },
            Problem::Fetch(error) => error.hint(),
            Problem::Look(error) => error.hint(),
            Problem::PackApp { source, .. } => source.hint().map(Into::into),
            Problem::OfComponent { .. } => {
                Some("push the component by itself, with its file in the place of the folder".into())
            }
            Problem::Sbom { source, .. } => source.hint(),
            Problem::Folder(error) => error.hint().map(Into::into),
            Problem::NoLayer { reference } => {
                Some(format!("pull it first: wattle pull {reference} -o FILE, then wattle inspect --wit FILE"))
            }
            Problem::Push { source, .. } | Problem::Verify { source, .. } => source.hint(),
            Problem::Sign { source: SigningError::Registry(source), .. } => source.hint(),
            Problem::Key { source, .. } => source.hint().map(Into::into),
            Problem::NotSigned { reference, .. } => Some(format!(
                "name the public key of whoever signed it, or sign it: wattle sign {reference} --key FILE"
            )),
            Problem::NoComponent { source, .. } => source.hint().map(Into::into),
            Problem::OtherDigest { .. } => Some("name a tag, and the digest is told".into()),
            Problem::TooLate => Some("choose a shorter span, or none".into()),
            Problem::WrongPassword { .. } => Some("many registries want a token in the place of the password".into()),
            Problem::Login { source, .. } => source.hint(),
            Problem::Store(error) => error.hint(),
            Problem::NoCacheDir => Some("set XDG_CACHE_HOME or HOME to a directory".into()),
            Problem::NotLocked { .. } => Some(
                "run `wattle up` once without `--locked`, and keep wattle.lock; on the command line, name a digest"
                    .into(),
            ),
            Problem::Lock { .. } => Some("restore it, or remove it to lock what tags point to now".into()),
            Problem::Credentials(error) => error.hint(),
            Problem::NoPassword => Some("as in `wattle login ghcr.io --user me --password-stdin < token`".into()),
            Problem::Name { name, .. } => Some(format!("try `wattle new {}`", AppName::resembling(name))),
            Problem::Occupied(_) => Some("choose another name, or another place with `--dir`".into()),
            Problem::Build { hint, .. } => Some(hint.clone()),
            Problem::NotBuilt { .. } => Some("its `source` must be the file that its `build` writes".into()),
            Problem::NoWit(_) => Some("only components carry their WIT".into()),
            _ => None,
        }
    }
}

/// What to do with a component that is no command.
fn instead_of_running(shape: &Shape) -> String {
    if shape.http_handler().is_some() {
        return "it answers HTTP requests: serve it with `wattle up`".into();
    }
    match shape.exports.first() {
        None => "it exports nothing at all".into(),
        Some(_) => format!("call an export with `--invoke 'NAME(ARGUMENTS)'`; it exports {}", listed(&shape.exports)),
    }
}

impl Input {
    /// What to do if there is no such file.
    fn missing(self) -> &'static str {
        match self {
            Input::App => {
                "name a folder with a wattle.toml, a manifest, or a .wasm file; without a PATH it is this folder"
            }
            Input::HostFile => "correct the path, or leave `--config` out: a host without a file has the defaults",
            Input::Component => "build it first, or correct the path",
            Input::Lock => "run `wattle up` without `--locked`: it writes one",
        }
    }
}
