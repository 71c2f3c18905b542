//! How a host is reached: by its socket on this machine, or over TLS on another.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Uri};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use wattle_backend::roots::{self, NoRoots};

use super::client::{Client, Way};
use super::token::{Token, TokenError};
use crate::input;

/// What is in force where the command line says nothing.
const CONTROL: &str = "WATTLE_CONTROL";
const TOKEN_FILE: &str = "WATTLE_CONTROL_TOKEN_FILE";
const CA: &str = "WATTLE_CONTROL_CA";

/// The most bytes that a file with authorities may have.
const PEM_MAX: u64 = 1 << 20;

/// Where a host can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostAddress {
    /// At this socket, on this machine.
    Socket(PathBuf),
    /// At this name or address and port, over TLS.
    Elsewhere(Authority),
}

/// Why a text is no address of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostAddressError {
    #[error("a host on another machine is asked over TLS alone: write https://")]
    Plain,
    #[error("a host on another machine is written as https://HOST:PORT")]
    NoAddress,
}

impl FromStr for HostAddress {
    type Err = HostAddressError;

    fn from_str(text: &str) -> Result<Self, HostAddressError> {
        match text.split_once("://") {
            None => Ok(Self::Socket(text.into())),
            Some(("https", _)) => {
                let uri: Uri = text.parse().map_err(|_| HostAddressError::NoAddress)?;
                let is_bare = uri.path_and_query().is_none_or(|path| *path == PathAndQuery::from_static("/"));
                let authority = uri.into_parts().authority.filter(|authority| !authority.as_str().contains('@'));
                match authority {
                    Some(authority) if is_bare && authority.port_u16().is_some() => Ok(Self::Elsewhere(authority)),
                    _ => Err(HostAddressError::NoAddress),
                }
            }
            Some(("http", _)) => Err(HostAddressError::Plain),
            Some(_) => Err(HostAddressError::NoAddress),
        }
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Elsewhere(authority) => write!(f, "https://{authority}"),
        }
    }
}

/// Which host is to be asked, and what is shown and trusted there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// `None`: all of this user that live here.
    pub(crate) address: Option<HostAddress>,
    /// The file with the token.
    pub(crate) token: Option<PathBuf>,
    /// The file with those who vouch for the host, as PEM. `None`: those whom the system trusts.
    pub(crate) ca: Option<PathBuf>,
}

/// Why a host cannot be asked that is on another machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("{CONTROL} names no host")]
    Variable(#[source] HostAddressError),
    #[error("nobody may ask a host on another machine without its token")]
    NoToken,
    #[error("a token and an authority are for a host on another machine, and none is named")]
    NotElsewhere,
    #[error("cannot show the token of the host")]
    Token(#[from] TokenError),
    #[error("cannot read who vouches for the host in {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot read a certificate in {}", path.display())]
    Damaged { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("there is no certificate in {}", path.display())]
    NoCertificate { path: PathBuf },
    #[error(transparent)]
    NoRoots(#[from] NoRoots),
    #[error("`{0}` is neither a name nor an address")]
    Name(String),
}

impl ReachError {
    /// What to do about it, if something is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Variable(_) => Some(format!("set {CONTROL} to the path of a socket or to https://HOST:PORT")),
            Self::NoToken => Some(format!("name a file with it: `--control-token FILE`, or {TOKEN_FILE}")),
            Self::NotElsewhere => Some("name it with `--control https://HOST:PORT`".into()),
            Self::Token(error) => error.hint_elsewhere(),
            Self::Unreadable { .. } | Self::Damaged { .. } | Self::NoCertificate { .. } => {
                Some("name a PEM file with the certificate of the authority: `--control-ca FILE`".into())
            }
            Self::NoRoots(_) => Some("name the authority of the host with `--control-ca FILE`".into()),
            Self::Name(_) => None,
        }
    }
}

/// What is spoken with a host on another machine.
pub(super) struct Access {
    pub(super) authority: Authority,
    pub(super) tls: TlsConnector,
    /// Whom its certificate has to be for.
    pub(super) name: ServerName<'static>,
    /// The token, as it is shown.
    pub(super) authorization: HeaderValue,
}

impl Reach {
    /// The same, with what the environment says where nothing is said. Its token and its authority are for the host that
    /// it names, and shown to no other.
    fn in_environment(&self) -> Result<Self, ReachError> {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if self.address.is_some() {
            return Ok(self.clone());
        }
        let address = path(CONTROL).map(|named| match named.to_str() {
            Some(text) => text.parse().map_err(ReachError::Variable),
            None => Ok(HostAddress::Socket(named)),
        });
        let Self { token, ca, .. } = self.clone();
        Ok(Self {
            address: address.transpose()?,
            token: token.or_else(|| path(TOKEN_FILE)),
            ca: ca.or_else(|| path(CA)),
        })
    }

    /// The one host that is to be asked. `None`: nobody said which.
    ///
    /// # Errors
    ///
    /// If it is on another machine and nothing can be shown to it, or nobody is trusted to vouch for it.
    pub(super) fn client(&self) -> Result<Option<Client>, ReachError> {
        let Self { address, token, ca } = self.in_environment()?;
        let authority = match address {
            Some(HostAddress::Elsewhere(authority)) => authority,
            _ if self.token.is_some() || self.ca.is_some() => return Err(ReachError::NotElsewhere),
            Some(HostAddress::Socket(path)) => return Ok(Some(Client::at_socket(path))),
            None => return Ok(None),
        };
        let token = Token::read(&token.ok_or(ReachError::NoToken)?)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ReachError::Name(host.into()))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.as_str()))
            .expect("invariant: a token has characters that a field may have");
        authorization.set_sensitive(true);
        let address = HostAddress::Elsewhere(authority.clone());
        let access = Access { authority, tls: connector(ca.as_deref())?, name, authorization };
        Ok(Some(Client { address, way: Way::Elsewhere(Arc::new(access)) }))
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, ReachError> {
    let roots = match ca {
        None => roots::trusted()?,
        Some(path) => named(path)?,
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("invariant: the provider has the suites of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Those in a file, and nobody else.
fn named(path: &Path) -> Result<RootCertStore, ReachError> {
    let pem = input::small(path, PEM_MAX).map_err(|source| ReachError::Unreadable { path: path.into(), source })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|source| ReachError::Damaged { path: path.into(), source })?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    match added {
        0 => Err(ReachError::NoCertificate { path: path.into() }),
        _ => Ok(roots),
    }
}
