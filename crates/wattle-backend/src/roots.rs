//! Whom a client of TLS trusts where nobody said otherwise.

use rustls::RootCertStore;

/// There is nobody to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificate is trusted: none can be read from what SSL_CERT_FILE or SSL_CERT_DIR names")]
pub struct NoRoots;

/// The system's roots, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` name; Mozilla's on a system without any. Reads
/// files: to be called where a thread may wait.
///
/// # Errors
///
/// If one of the variables is set and names no certificate.
pub fn trusted() -> Result<RootCertStore, NoRoots> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "certificates that the system trusts cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some()) {
            return Err(NoRoots);
        }
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}
