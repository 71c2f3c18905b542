//! What a person can do about each failure.

use std::io;

use wattle_artifact::signatures::SigningError;
use wattle_host::{CommandError, Trap};
use wattle_spec::choices::ChoicesError;
use wattle_spec::fault::listed;
use wattle_spec::name::AppName;
use wattle_spec::policy::ApprovedError;
use wattle_spec::shape::Shape;

use super::{Input, Problem, Purpose};
use crate::control::{AskError, HostAddress};

impl Problem {
    /// What the user can do about it, if there is something.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Problem::NoManifest(_) => Some("name a folder with a wattle.toml, or a .wasm file".into()),
            Problem::UnknownFile(_) => Some("a manifest ends in .toml, a component in .wasm or .wat".into()),
            Problem::Shape { source, .. } => source.hint().map(Into::into),
            Problem::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                Some(format!("another program listens there; try `--listen {}:0` for a free port", address.ip()))
            }
            Problem::ListenFor { what, source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some(format!("another program listens there; change {}", what.key()))
            }
            Problem::Listen { source, .. } | Problem::ListenFor { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some("ports below 1024 are for root; choose a higher one".into())
            }
            Problem::Listen { source, .. } | Problem::ListenFor { source, .. }
                if source.kind() == io::ErrorKind::AddrNotAvailable =>
            {
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
            Problem::PassedSocket { .. } => {
                Some("pass TCP sockets that listen, as a `.socket` unit with ListenStream=PORT does".into())
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
            Problem::Reach(error) => error.hint(),
            Problem::Token(error) => error.hint(),
            Problem::Elsewhere { .. } => {
                Some("push it to a registry with `wattle push`, and apply its reference".into())
            }
            Problem::NoHost => Some(
                "start one with `wattle up` or `wattle host`, or name another with `--control PATH|URL`"
                    .into(),
            ),
            Problem::NoStateDir => Some("name a directory with `--data-dir`, or set HOME".into()),
            Problem::Desired(error) => error.hint(),
            Problem::WhichHost { .. } | Problem::SeveralHosts { .. } | Problem::ManyHosts { .. } => {
                Some("name one of them with `--control PATH`".into())
            }
            Problem::Ask { host: HostAddress::Elsewhere(_), source: AskError::Connect(_) | AskError::TimedOut } => {
                Some("correct the address: it is the one of `[control]` in the host.toml over there, and a firewall may be before it".into())
            }
            Problem::Ask { host: HostAddress::Socket(path), source: AskError::Connect(_) }
                if !path.exists() && path.to_str().is_some_and(is_like_an_address) =>
            {
                Some(format!("a host on another machine is written as https://{}", path.display()))
            }
            Problem::Ask { source: AskError::Connect(_), .. } => {
                Some("correct the path, or leave `--control` out: then hosts are found by themselves".into())
            }
            Problem::Ask { source: AskError::Tls(distrust), .. } => Some(distrust.hint()),
            Problem::Ask { source: AskError::NotOurs(_), .. } => Some("ask as that user, or as root".into()),
            Problem::Refused(refusal) | Problem::RefusedOf { refusal, .. } => refusal.hint.clone(),
            Problem::Cut(_) | Problem::CutThere { .. } => {
                Some("give it longer with `drain` in [limits] of the host's file".into())
            }
            Problem::RunFailed { .. } => Some("what it said is in `wattle logs`".into()),
            Problem::DataDir(error) => error.hint(),
            Problem::Backup(error) => error.hint(),
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
            Problem::PackApp { source, .. } => source.hint(),
            Problem::AppToStdout => Some("name a folder, or one of its components with `--component`".into()),
            Problem::OfComponent { .. } => {
                Some("push the component by itself, with its file in the place of the folder".into())
            }
            Problem::Sbom { source, .. } => source.hint(),
            Problem::Folder(error) | Problem::KeptFolders(error) => error.hint(),
            Problem::DamagedInUse { .. } => Some("start the apps again: what differs is unpacked anew".into()),
            Problem::NoLayer { reference } => {
                Some(format!("pull it first: wattle pull {reference} -o FILE, then wattle inspect --wit FILE"))
            }
            Problem::Push { source, .. } | Problem::Verify { source, .. } | Problem::Unjudged { source, .. } => {
                source.hint()
            }
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
            Problem::ShippedLock { .. } => Some("whoever ships the app pushes it again".into()),
            Problem::Lock { .. } => Some("restore it, or remove it to lock what tags point to now".into()),
            Problem::Credentials(error) => error.hint(),
            Problem::NoPassword => Some("as in `wattle login ghcr.io --user me --password-stdin < token`".into()),
            Problem::Name { name, .. } => Some(format!("try `wattle new {}`", AppName::resembling(name))),
            Problem::Occupied(_) => Some("choose another name, or another place with `--dir`".into()),
            Problem::NoRoomForApp(_) => Some("name a directory that is not there yet".into()),
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

impl Purpose {
    /// What says at which address it is.
    fn key(self) -> &'static str {
        match self {
            Purpose::Admin => "`--admin`, or `admin` in host.toml",
            Purpose::Control => "`listen` in [control] of host.toml",
        }
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

/// Whether a path is more likely an address whose `https://` was forgotten.
fn is_like_an_address(path: &str) -> bool {
    path.rsplit_once(':').is_some_and(|(host, port)| !host.contains('/') && port.parse::<u16>().is_ok())
}
