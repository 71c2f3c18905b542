//! Whom a client of registries trusts. Those whom the system trusts are read when a server first has to show who it is:
//! those are hundreds of certificates, and reading them takes longer than many a pull that never speaks TLS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::error::SettingsError;

/// The verifier of rustls for those who are trusted, as soon as one is needed.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// Who is trusted beside those whom the system trusts.
    named: RootCertStore,
    verifier: Mutex<Option<Arc<WebPkiServerVerifier>>>,
}

impl Trust {
    /// Trusts whom the system does, and the certificates in these files, which are read now: what somebody named is
    /// told at once if it is wrong.
    pub(super) fn new(provider: Arc<CryptoProvider>, files: &[PathBuf]) -> Result<Self, SettingsError> {
        let mut named = RootCertStore::empty();
        files.iter().try_for_each(|path| add_file(&mut named, path))?;
        Ok(Self { provider, named, verifier: Mutex::default() })
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
}

/// All as the verifier of rustls does it.
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
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), SettingsError> {
    let unreadable = |source| SettingsError::Certificates { path: path.into(), source };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let (added, _) = roots.add_parsable_certificates(certificates.map_err(unreadable)?);
    match added {
        0 => Err(SettingsError::NoCertificate { path: path.into() }),
        _ => Ok(()),
    }
}
