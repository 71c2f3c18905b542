//! The files of the host's certificates: read at the start, and again when they change.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wattle_host::tls::{Certificate, Tls};
use wattle_spec::listen::CertificatePaths;

use crate::input;
use crate::problem::Problem;

/// How often it is looked whether the files are still the same.
const GLANCE: Duration = Duration::from_secs(1);

/// The most bytes that a file of certificates may have.
const PEM_MAX_LEN: u64 = 1 << 20;

/// Others than the owner and the group may read a file.
const READABLE_BY_OTHERS: u32 = 0o004;

/// Certificates and where they come from.
pub(crate) struct CertificateFiles {
    paths: Vec<CertificatePaths>,
    seen: Vec<Option<Identity>>,
    pub(crate) tls: Arc<Tls>,
}

/// What changes when a file does: the file system's ids, its length and its time.
type Identity = (u64, u64, u64, i64, i64);

impl CertificateFiles {
    /// Reads the certificates at `paths`, and has `tls` serve them.
    ///
    /// # Errors
    ///
    /// If one of them cannot be served.
    pub(crate) fn open(
        paths: Vec<CertificatePaths>,
        tls: impl FnOnce(Vec<Certificate>) -> Tls,
    ) -> Result<Self, Problem> {
        let seen = identities(&paths);
        let certificates = read_all(&paths)?;
        Ok(Self { paths, seen, tls: Arc::new(tls(certificates)) })
    }

    /// Serves what the files hold whenever they change, for ever. What cannot be served is told, and the certificates
    /// from before stay.
    pub(crate) async fn follow(mut self) {
        self.warn_of_open_keys();
        loop {
            tokio::time::sleep(GLANCE).await;
            let found = identities(&self.paths);
            if found == self.seen {
                continue;
            }
            let paths = self.paths.clone();
            // A file system that hangs must not stop everything else.
            let Ok(read) = tokio::task::spawn_blocking(move || read_all(&paths)).await else { continue };
            // What cannot even be read is tried again.
            if !matches!(read, Err(Problem::CertificateFile { .. })) {
                self.seen = found;
            }
            match read {
                Ok(certificates) => {
                    self.tls.replace(certificates);
                    self.warn_of_open_keys();
                    tracing::info!("the certificates have changed and are served from now on");
                }
                Err(problem) => {
                    let cause = std::error::Error::source(&problem).map(ToString::to_string).unwrap_or_default();
                    tracing::warn!("{problem}: {cause}; the certificates from before are still served");
                }
            }
        }
    }

    fn warn_of_open_keys(&self) {
        for key in self.paths.iter().map(|paths| &paths.key) {
            if fs::metadata(key).is_ok_and(|metadata| metadata.mode() & READABLE_BY_OTHERS != 0) {
                tracing::warn!(key = %key.display(), "everybody on this machine can read this private key");
            }
        }
    }
}

/// Whether the certificate at `paths` can be served.
pub(crate) fn check(paths: &CertificatePaths) -> Result<(), Problem> {
    read_all(std::slice::from_ref(paths)).map(drop)
}

fn read_all(paths: &[CertificatePaths]) -> Result<Vec<Certificate>, Problem> {
    let read = |path: &Path| {
        input::small(path, PEM_MAX_LEN).map_err(|source| Problem::CertificateFile { path: path.into(), source })
    };
    let one = |paths: &CertificatePaths| {
        let (chain, key) = (read(&paths.cert)?, read(&paths.key)?);
        Certificate::from_pem(&chain, &key).map_err(|source| {
            let CertificatePaths { cert, key } = paths.clone();
            Problem::Certificate { cert, key, source }
        })
    };
    paths.iter().map(one).collect()
}

fn identities(paths: &[CertificatePaths]) -> Vec<Option<Identity>> {
    let identity =
        |metadata: Metadata| (metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    let of = |path: &Path| fs::metadata(path).ok().map(identity);
    paths.iter().flat_map(|paths| [of(&paths.cert), of(&paths.key)]).collect()
}
