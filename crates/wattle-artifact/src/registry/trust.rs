//! Whom a client of registries trusts, and what is said of those whom it does not. Those whom the system trusts are read when a server first has to show who it is:
//! those are hundreds of certificates, and reading them takes longer than many a pull that never speaks TLS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::error::SettingsError;

/// How the library calls a certificate that is an authority's where a server's own is needed. It has no other sign of it
/// than the text of an error.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// The verifier of rustls for those who are trusted, as soon as one is needed.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// Who is trusted beside those whom the system trusts.
    named: RootCertStore,
    files: Vec<Named>,
    verifier: Mutex<Option<Arc<WebPkiServerVerifier>>>,
}

/// A file that somebody named, with the certificates in it.
#[derive(Debug)]
struct Named {
    path: PathBuf,
    certificates: Vec<CertificateDer<'static>>,
}

/// Why a server is not believed to be who it should be, where no authority vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is vouched for by none of the authorities that {}", Trusted(named))]
pub struct Untrusted {
    /// The files with those that somebody named.
    named: Vec<PathBuf>,
    /// The one among them that holds what the server shows.
    holds_it: Option<PathBuf>,
    /// Whether what it shows is a certificate of an authority.
    is_authority: bool,
}

/// Who is trusted, in words.
struct Trusted<'a>(&'a [PathBuf]);

impl fmt::Display for Trusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this machine trusts")?;
        for (index, path) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { ", nor by those in " } else { " and " })?;
            write!(f, "{}", path.display())?;
        }
        Ok(())
    }
}

impl Untrusted {
    /// What to do about it, where `host` is who is not trusted.
    pub(super) fn hint(&self, host: &str) -> String {
        let name = format!(
            "name a file with it: `ca` in `[registries.\"{host}\"]` of `host.toml`, or `--ca FILE` where a verb has that"
        );
        match (&self.holds_it, self.is_authority) {
            (Some(path), true) => format!(
                "{} holds the certificate of {host} itself, which says that it is an authority's, and no server may \
                 show such a one: make another for the server, without `CA:TRUE`, which that authority signs",
                path.display()
            ),
            (Some(path), false) => format!(
                "{} holds the server's own certificate and not that of the authority which signed it; {name}",
                path.display()
            ),
            (None, true) => format!(
                "{host} shows the certificate of an authority, which no server may: make one for it without `CA:TRUE`, \
                 which that authority signs"
            ),
            (None, false) => format!("get the certificate of the authority that {host} has its own from, and {name}"),
        }
    }

    /// The one that is in an error of the library.
    pub(super) fn within(error: &Error) -> Option<&Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
            _ => None,
        }
    }
}

impl Trust {
    /// Trusts whom the system does, and the certificates in these files, which are read now: what somebody named is
    /// told at once if it is wrong.
    pub(super) fn new(provider: Arc<CryptoProvider>, files: &[PathBuf]) -> Result<Self, SettingsError> {
        let mut named = RootCertStore::empty();
        let files = files.iter().map(|path| add_file(&mut named, path)).collect::<Result<_, _>>()?;
        Ok(Self { provider, named, files, verifier: Mutex::default() })
    }

    /// Whether it is known who is trusted.
    pub(super) fn is_read(&self) -> bool {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Finds out who is trusted, once. To be called where a thread may wait.
    pub(super) fn read(&self) -> Result<Arc<WebPkiServerVerifier>, SettingsError> {
        // Who comes second waits for the first.
        let mut verifier = self.verifier.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = &*verifier {
            return Ok(verifier.clone());
        }
        let mut roots = wattle_backend::roots::trusted()?;
        roots.extend(self.named.roots.iter().cloned());
        let built = WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone()).build();
        let built = built.map_err(|error| SettingsError::Tls(Error::General(error.to_string())))?;
        Ok(verifier.insert(built).clone())
    }

    /// What the library says of a certificate, in our words where we have better ones.
    fn judged(&self, error: Error, shown: &CertificateDer<'_>) -> Error {
        let is_authority = match &error {
            // A signature is bad if another authority has the name of the one that made it.
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => false,
            Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))
                if inner.to_string() == AUTHORITY_AS_SERVER =>
            {
                true
            }
            _ => return error,
        };
        let holds_it = self.files.iter().find(|file| file.certificates.iter().any(|one| one == shown));
        let untrusted = Untrusted {
            named: self.files.iter().map(|file| file.path.clone()).collect(),
            holds_it: holds_it.map(|file| file.path.clone()),
            is_authority,
        };
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted))))
    }
}

/// All as the verifier of rustls does it, but for the words.
impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // It is read by now, but for a proxy that is spoken to over TLS about what is in plain text.
        let verifier = self.read().map_err(|error| Error::Other(OtherError(Arc::new(error))))?;
        let verified = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| self.judged(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<Named, SettingsError> {
    let unreadable = |source| SettingsError::Certificates { path: path.into(), source };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let certificates = certificates.map_err(unreadable)?;
    let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    match added {
        0 => Err(SettingsError::NoCertificate { path: path.into() }),
        _ => Ok(Named { path: path.into(), certificates }),
    }
}
