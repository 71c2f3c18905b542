//! The TLS of a connection: rustls with aws-lc-rs, handed to it explicitly.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::options::NatsTls;
use crate::error::BackendError;
use crate::roots;
use crate::small_file;

/// The most bytes that a file of certificates or keys may have.
const PEM_MAX_BYTES: usize = 1 << 20;

/// What `tls` says, for a client of `backend`. Reads files: to be called where a thread may wait.
pub(super) fn client_config(tls: &NatsTls, backend: String) -> Result<ClientConfig, BackendError> {
    let roots = match &tls.authorities {
        Some(path) => authorities(path)?,
        None => roots::trusted().map_err(|error| BackendError::Unavailable { backend, source: Arc::new(error) })?,
    };
    trusting(roots, tls)
}

/// Whether the files of `tls` hold what they should. Reads them.
pub(super) fn check_files(tls: &NatsTls) -> Result<(), BackendError> {
    let roots = tls.authorities.as_deref().map(authorities).transpose()?;
    trusting(roots.unwrap_or_else(RootCertStore::empty), tls).map(drop)
}

/// A client that trusts `roots` and shows the certificate of `tls`.
fn trusting(roots: RootCertStore, tls: &NatsTls) -> Result<ClientConfig, BackendError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("invariant: the provider has what these versions of TLS need")
        .with_root_certificates(roots);
    let Some(identity) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&identity.key)?).map_err(|error| content(&identity.key, error))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| content(&identity.certificate, error))
}

fn authorities(path: &Path) -> Result<RootCertStore, BackendError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| content(path, error))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BackendError> {
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| content(path, error))?;
    match chain.is_empty() {
        true => Err(content(path, "there is no certificate in it")),
        false => Ok(chain),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BackendError> {
    let unreadable = |source| BackendError::Io { operation: "read", path: path.to_owned(), source: Arc::new(source) };
    small_file::read(path, PEM_MAX_BYTES).map_err(unreadable)
}

fn content(path: &Path, reason: impl ToString) -> BackendError {
    BackendError::Unusable { path: path.to_owned(), reason: reason.to_string() }
}
