//! The TLS of a connection: rustls with aws-lc-rs, handed to it explicitly.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::options::NatsTls;
use crate::roots::{self, NoRoots};
use crate::small_file;

/// The most bytes that a file of certificates or keys may have.
const PEM_MAX_BYTES: usize = 1 << 20;

/// Why a connection cannot speak TLS as its options say.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not what it should be: {reason}")]
    Content { path: PathBuf, reason: String },
    #[error(transparent)]
    Roots(#[from] NoRoots),
    #[error("the provider of cryptography lacks what TLS needs")]
    Provider(#[source] rustls::Error),
}

/// What `tls` says, for a client. Reads files: to be called where a thread may wait.
pub(super) fn client_config(tls: &NatsTls) -> Result<ClientConfig, TlsError> {
    let roots = match &tls.authorities {
        Some(path) => authorities(path)?,
        None => roots::trusted()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .with_root_certificates(roots);
    let Some(identity) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&identity.key)?).map_err(|error| content(&identity.key, error))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| content(&identity.certificate, error))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| content(path, error))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| content(path, error))?;
    match chain.is_empty() {
        true => Err(content(path, "there is no certificate in it")),
        false => Ok(chain),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    small_file::read(path, PEM_MAX_BYTES).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn content(path: &Path, reason: impl ToString) -> TlsError {
    TlsError::Content { path: path.to_owned(), reason: reason.to_string() }
}
