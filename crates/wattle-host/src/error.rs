//! What can go wrong when a host or an app is started. What goes wrong in a request is in [`crate::answer`].

use std::error::Error;
use std::io;
use std::path::PathBuf;

use wattle_backend::error::BackendError;
use wattle_spec::backend::BackendKind;
use wattle_spec::digest::Digest;
use wattle_spec::interface::{Interface, InterfaceError};
use wattle_spec::name::{AppId, BackendName, ComponentName, SecretName};
use wattle_spec::resolve::State;
use wattle_spec::route::RequestPath;
use wattle_spec::subject::SubjectPattern;

use crate::engine::CompileError;
use crate::host::NoRoom;
use crate::telemetry::TelemetryError;

/// Why a host could not be built or asked to serve.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine could not be configured.
    #[error("cannot set up the engine: {0:#}")]
    Engine(wasmtime::Error),
    /// The threads of the data path could not be started.
    #[error("cannot start the threads that serve requests")]
    Threads(#[source] io::Error),
    /// A socket could not be taken over.
    #[error("cannot listen on the socket")]
    Listen(#[source] io::Error),
    /// It serves nowhere any more.
    #[error("the host is ending")]
    Ending,
    /// It cannot tell of itself what it should.
    #[error("telemetry cannot be set up")]
    Telemetry(#[from] TelemetryError),
    /// An interface of a native capability has no such name.
    #[error("the capability {capability} names {name:?}, which is not an interface")]
    InterfaceName {
        /// The type that implements it.
        capability: &'static str,
        /// What it says.
        name: String,
        /// Why that is none. `None`: it is a whole package.
        #[source]
        reason: Option<InterfaceError>,
    },
    /// An interface of a native capability is provided already.
    #[error("the interface {interface} cannot be added: {}", provided(.taken, .by_native))]
    InterfaceTaken {
        /// Which one.
        interface: Interface,
        /// What is there, and serves the same imports.
        taken: Interface,
        /// Whether that is of a native capability, too. If not, it is built in.
        by_native: bool,
    },
    /// Two native capabilities are of the same type.
    #[error("the capability {capability} is given twice")]
    CapabilityTwice {
        /// The type.
        capability: &'static str,
    },
    /// The functions of a native capability cannot be joined to its interface.
    #[error("the interface {interface} cannot be joined: {reason}")]
    Join {
        /// Which one.
        interface: Interface,
        /// What the engine said.
        reason: String,
    },
}

fn provided(taken: &Interface, by_native: &bool) -> String {
    match by_native {
        true => format!("another native capability has {taken}"),
        false => format!("{taken} is built in"),
    }
}

impl HostError {
    /// What whoever builds the host can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            HostError::InterfaceName { .. } => {
                Some("write namespace:package/interface@version, as in acme:dice/roll@0.1.0")
            }
            HostError::InterfaceTaken { by_native: false, .. } => {
                Some("give it a package of its own: what is built in cannot be replaced")
            }
            HostError::InterfaceTaken { by_native: true, .. } => Some("leave it out of one of the two"),
            HostError::CapabilityTwice { .. } => Some("give it once, with all of its interfaces"),
            HostError::Join { .. } => {
                Some("functions that are `async` in WIT want `NativeInterface::concurrent`; no two have one name")
            }
            _ => None,
        }
    }
}

/// Why an app was not started, or not updated. Nothing of it runs, or nothing but what ran before.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An app of that name runs.
    #[error("the app {0} is running already")]
    Running(AppId),
    /// Nobody would start an app of this host that sleeps.
    #[error("the app {0} cannot sleep: this host has nobody who wakes it")]
    NoWaker(AppId),
    /// Another app answers these requests.
    #[error("the route {route} belongs to the app {holder} already")]
    RouteTaken {
        /// The route as it is written in a manifest.
        route: String,
        /// Who has it.
        holder: AppId,
    },
    /// It does not fit beside the others.
    #[error("there is no room for the app: {0}")]
    NoRoom(Box<NoRoom>),
    /// The bytes of a component could not be had.
    #[error("cannot read the bytes of component {component} ({digest})")]
    Source {
        /// Which component.
        component: ComponentName,
        /// Which bytes.
        digest: Digest,
        /// Why not.
        source: io::Error,
    },
    /// A component could not be compiled.
    #[error("cannot compile component {component}")]
    Compile {
        /// Which component.
        component: ComponentName,
        /// Why not.
        source: CompileError,
    },
    /// A component does not fit what it imports.
    #[error("component {component} cannot be joined to its imports: {reason}")]
    Link {
        /// Which component.
        component: ComponentName,
        /// What the engine said.
        reason: String,
    },
    /// A component trapped, or took too long or too much, before it could serve.
    #[error("component {component} fails when it is started: {reason}")]
    Instantiate {
        /// Which component.
        component: ComponentName,
        /// What happened.
        reason: String,
    },
    /// A folder that is to be served cannot be.
    #[error("cannot serve the files of {folder}")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nobody can be spoken to over TLS.
    #[error("TLS cannot be set up for outgoing requests")]
    Tls(#[source] rustls::Error),
    /// A component is linked to a backend that this host does not have.
    #[error("component {component} is linked to the backend {backend}, which this host does not have")]
    NoBackend {
        /// Which component.
        component: ComponentName,
        /// Which backend.
        backend: BackendName,
    },
    /// A backend cannot be opened.
    #[error("the backend {backend} cannot be opened")]
    Backend {
        /// Which backend.
        backend: BackendName,
        /// Why.
        source: BackendError,
    },
    /// The backend does not do what the link wants of it.
    #[error("component {component} is linked to the backend {backend}, which cannot keep {state} on this host")]
    CannotKeep {
        /// Which component.
        component: ComponentName,
        /// Which backend.
        backend: BackendName,
        /// What it is to keep.
        state: State,
    },
    /// A secret that the manifest grants is not there.
    #[error("component {component} may read the secret {secret}, but there is none: {place} does not exist")]
    NoSecret {
        /// Which component.
        component: ComponentName,
        /// Which secret.
        secret: SecretName,
        /// Where it was looked for.
        place: String,
    },
    /// A component's secrets cannot be read.
    #[error("the secrets of component {component} cannot be read")]
    Secrets {
        /// Which component.
        component: ComponentName,
        /// Why.
        source: BackendError,
    },
    /// A backend does not let a component hear of messages.
    #[error("component {component} cannot hear of {subject}")]
    Subscribe {
        /// Which component.
        component: ComponentName,
        /// What it wants to hear of.
        subject: SubjectPattern,
        /// Why not.
        source: BackendError,
    },
    /// It is not well: its health path was not answered as it should be in time.
    #[error("the app {app} is not well: GET {path} was asked until its time was over, and at last {reason}")]
    Unhealthy {
        /// Which app.
        app: AppId,
        /// The path of its manifest.
        path: RequestPath,
        /// What came in place of a good answer.
        reason: String,
    },
    /// A backend that the running version of the app does not use cannot be used now.
    #[error("the backend {backend} cannot be used: {code}")]
    Unusable {
        /// Which backend.
        backend: BackendName,
        /// Why, in a word.
        code: &'static str,
    },
    /// Somebody stopped it meanwhile.
    #[error("the app {0} was stopped before that was done")]
    Stopped(AppId),
    /// The host takes no more apps.
    #[error("the host is ending")]
    Ending,
    /// It cannot be recorded where an app keeps its state.
    #[error("cannot record which backends the app {app} keeps its state in")]
    Unrecorded {
        /// Which app.
        app: AppId,
        /// Why not.
        source: io::Error,
    },
    /// This host has no backend of that kind.
    #[error("the backend {backend} is of the kind {kind:?}, which this host was built without")]
    NoBackendKind {
        /// Which backend.
        backend: BackendName,
        /// Its kind.
        kind: BackendKind,
    },
}

impl StartError {
    /// What the operator can do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::Compile { source, .. } => source.hint().map(Into::into),
            StartError::NoSecret { .. } => Some("put it there, or remove it from `secrets` of the component".into()),
            StartError::Secrets { source, .. } => source.hint().map(Into::into),
            StartError::Subscribe { source, .. } => source.hint().map(Into::into),
            StartError::Backend { source, .. } => source.hint().map(Into::into),
            StartError::Unhealthy { .. } => {
                Some("its log says what it did; `timeout` of [health] says how long it may take".into())
            }
            StartError::NoRoom(_) => Some(
                "lower `memory` in `limits` of its components, stop another app, or an earlier version of this one, or \
                 raise `guest-memory` in [limits] of the host's file"
                    .into(),
            ),
            StartError::RouteTaken { holder, .. } => Some(format!(
                "change `host` or `path` of [[triggers.http]] in one of the two, or stop the other app: `wattle stop {holder}`"
            )),
            StartError::Unusable { .. } => Some("try again when it answers".into()),
            StartError::Folder { .. } => Some("make the folder, or let this user read it".into()),
            _ => None,
        }
    }
}

/// An error with what caused it, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
