//! Every expected failure of the command line, with its exit code and its advice.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use wattle_backend::disk::DataDirError;
use wattle_backend::error::BackendError;
use wattle_host::engine::CodeCacheError;
use wattle_host::tls::CertificateError;
use wattle_host::{HostError, StartError};
use wattle_spec::fault::Fault;
use wattle_spec::listen::Listen;
use wattle_spec::shape::ShapeError;

/// How `wattle` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It was asked for something that it could not do.
    Failed = 1,
    /// What it was given is wrong: the command line, a manifest, a component.
    BadInput = 2,
    /// Something outside is in the way: a port, a directory, another process.
    Blocked = 3,
    /// It was told to end, and something did not end in time.
    Cut = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a verb did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot {operation} {}", path.display())]
    File { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("there is no app at {}: it has no wattle.toml", .0.display())]
    NoManifest(PathBuf),
    #[error("{} is neither a manifest nor a Wasm file", .0.display())]
    UnknownFile(PathBuf),
    #[error("{} has {} fault{}", file.display(), faults.len(), if faults.len() == 1 { "" } else { "s" })]
    Faults { file: PathBuf, text: String, faults: Vec<Fault> },
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
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot use the certificate {} with the key {}", cert.display(), key.display())]
    Certificate { cert: PathBuf, key: PathBuf, source: CertificateError },
    #[error("cannot read {}, which is part of a certificate", path.display())]
    CertificateFile { path: PathBuf, source: io::Error },
    #[error("cannot serve {0}: there is no certificate")]
    NoCertificate(Listen),
    #[error("cannot use the data directory")]
    DataDir(#[from] DataDirError),
    #[error("cannot open the data")]
    Data(#[from] BackendError),
    #[error("cannot use the cache of compiled code")]
    CodeCache(#[from] CodeCacheError),
    #[error("the host cannot start")]
    Host(#[from] HostError),
    #[error("the app cannot start")]
    Start(#[from] StartError),
    #[error("cannot {operation}")]
    System { operation: &'static str, source: io::Error },
    #[error("some requests did not end within the drain limit and were cut")]
    Cut,
    #[error("{0}")]
    Compile(String),
}

impl Problem {
    pub(crate) fn exit_code(&self) -> Exit {
        match self {
            Problem::NoManifest(_)
            | Problem::UnknownFile(_)
            | Problem::Faults { .. }
            | Problem::Shape { .. }
            | Problem::Text { .. }
            | Problem::TooLarge { .. }
            | Problem::NoWit(_)
            | Problem::Wit { .. }
            | Problem::Certificate { .. }
            | Problem::CertificateFile { .. }
            | Problem::NoCertificate(_)
            | Problem::File { operation: "read", .. } => Exit::BadInput,
            Problem::Listen { .. } | Problem::DataDir(_) | Problem::CodeCache(_) => Exit::Blocked,
            Problem::Cut => Exit::Cut,
            Problem::File { .. }
            | Problem::Data(_)
            | Problem::Host(_)
            | Problem::Start(_)
            | Problem::System { .. }
            | Problem::Compile(_) => Exit::Failed,
        }
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
            Problem::File { operation: "read", source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("build it first, or correct the path".into())
            }
            Problem::TooLarge { .. } => Some("raise `compile-size` in [limits] of the host's file".into()),
            Problem::Text { .. } => Some("ask `wasm-tools parse` for more".into()),
            Problem::Certificate { source, .. } => source.hint().map(Into::into),
            Problem::CertificateFile { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("let the user that the host runs as read it".into())
            }
            Problem::CertificateFile { .. } => Some("correct the path".into()),
            Problem::NoCertificate(_) => Some("name one with `--tls-cert` and `--tls-key`".into()),
            Problem::DataDir(error) => error.hint(),
            Problem::NoWit(_) => Some("only components carry their WIT".into()),
            _ => None,
        }
    }
}
