//! TLS towards clients: the certificates of a host, chosen by the name that a client asks for, changed while it serves.
//!
//! The host is handed PEM texts; where they come from and when they change is known to whoever hands them.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError as Verdict, InconsistentKeys, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// HTTP/2 and HTTP/1.1 as the handshake calls them.
pub(crate) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// A chain of certificates with its private key.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why a pair of PEM texts is not a certificate that can be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No PEM, or none with a certificate in it.
    #[error("there is no certificate in it: {0}")]
    Chain(String),
    /// No PEM, or none with a private key in it.
    #[error("there is no private key in it: {0}")]
    Key(String),
    /// The key is of a kind, or so broken, that it cannot be used.
    #[error("its private key cannot be used: {0}")]
    UnusableKey(rustls::Error),
    /// They do not belong together.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The first certificate is not one of X.509.
    #[error("its first certificate cannot be read: {0}")]
    Unreadable(rustls::Error),
    /// Its time is over, or has not come.
    #[error("it is out of date: {0}")]
    Untimely(String),
}

impl CertificateError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            CertificateError::Chain(_) | CertificateError::Unreadable(_) => {
                Some("it must be PEM, the server's own certificate first, then those that vouch for it")
            }
            CertificateError::Key(_) | CertificateError::UnusableKey(_) => {
                Some("it must be PEM, unencrypted, as PKCS#8, SEC1 or PKCS#1")
            }
            CertificateError::Mismatch => Some("the first certificate of the chain must be the one of this key"),
            CertificateError::Untimely(_) => Some("renew it, or set the clock"),
        }
    }
}

impl Certificate {
    /// Reads the chain, the server's own certificate first, and its key as PKCS#8, SEC1 or PKCS#1.
    ///
    /// # Errors
    ///
    /// If they cannot be read, do not belong together, or are out of date.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| CertificateError::Chain(error.to_string()))?;
        let Some(first) = chain.first() else {
            return Err(CertificateError::Chain("no section is a CERTIFICATE".into()));
        };
        in_time(first)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| CertificateError::Key(error.to_string()))?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::Mismatch,
            error => CertificateError::UnusableKey(error),
        })?;
        Ok(Self(Arc::new(certified)))
    }

    /// Whether it is for `name`.
    fn is_for(&self, name: &ServerName<'_>) -> bool {
        let first = self.0.cert.first().map(ParsedCertificate::try_from);
        matches!(first, Some(Ok(first)) if rustls::client::verify_server_name(&first, name).is_ok())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// The one implementation of cryptography. There is no default of the process.
fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// Checks the time of a certificate. Nothing is trusted here, so that nobody vouches for it is how a good one ends.
fn in_time(certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
    let parsed = ParsedCertificate::try_from(certificate).map_err(CertificateError::Unreadable)?;
    let algorithms = provider().signature_verification_algorithms.all;
    let verdict =
        verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], UnixTime::now(), algorithms);
    match verdict {
        Err(rustls::Error::InvalidCertificate(
            verdict @ (Verdict::Expired
            | Verdict::ExpiredContext { .. }
            | Verdict::NotValidYet
            | Verdict::NotValidYetContext { .. }),
        )) => Err(CertificateError::Untimely(verdict.to_string())),
        _ => Ok(()),
    }
}

/// What serves TLS.
pub struct Tls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl Tls {
    /// Serves `certificates`: to each client the first that is for the name it asks for, else the first of all.
    pub fn new(certificates: Vec<Certificate>) -> Self {
        let certificates = Arc::new(Certificates(ArcSwap::from_pointee(certificates)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("invariant: the provider has the suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Self { config: Arc::new(config), certificates }
    }

    /// The same for whoever speaks HTTP/1.1 alone.
    #[must_use]
    pub fn http1(mut self) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = vec![HTTP1.to_vec()];
        self
    }

    /// Whether one of the certificates is for `name`, which is that of a server or an address.
    pub fn is_for(&self, name: &str) -> bool {
        ServerName::try_from(name).is_ok_and(|name| self.certificates.0.load().iter().any(|one| one.is_for(&name)))
    }

    /// Serves other certificates from now on, to connections that begin from now on.
    pub fn replace(&self, certificates: Vec<Certificate>) {
        self.certificates.0.store(Arc::new(certificates));
    }

    /// Does its part of the handshake. There is no bound of time.
    ///
    /// # Errors
    ///
    /// If the client does not do its part.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.clone()).accept(stream).await
    }
}

#[derive(Debug)]
struct Certificates(ArcSwap<Vec<Certificate>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| certificates.iter().find(|certificate| certificate.is_for(&name)));
        named.or(certificates.first()).map(|certificate| certificate.0.clone())
    }
}
