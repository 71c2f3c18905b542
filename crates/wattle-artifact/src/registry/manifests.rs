//! Manifests, by tag or by digest: the bytes, and that they are the right ones.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository, Which};

use super::Registries;
use super::error::{Action, RegistryError};
use super::exchange::{Answer, Question};
use super::host::{Host, authority};
use super::token::Access;
use super::transport::Sent;
use crate::format::manifest::MANIFEST_MAX_LEN;
use crate::format::media_type;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How much may follow what was written or deleted.
pub(super) const RECEIPT_MAX_LEN: usize = 64 << 10;

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The digest of the manifest.
    pub digest: Digest,
    /// What it is, as the registry says.
    pub media_type: Option<String>,
    /// How many bytes it has.
    pub size: u64,
}

/// A manifest as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBytes {
    /// The digest of its bytes.
    pub digest: Digest,
    /// What it is, as the registry says.
    pub media_type: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What became of a manifest that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// Its digest.
    pub digest: Digest,
    /// Whether the registry has seen that it is about another manifest, and lists it there. If not, and it is about
    /// one, [`Registries::add_referrer_by_tag`] has to.
    pub subject_acknowledged: bool,
}

impl Registries {
    /// What `reference` leads to now, without its bytes.
    ///
    /// # Errors
    ///
    /// If there is no such manifest, or if nobody who has it can be asked.
    pub async fn resolve(&self, reference: &Reference) -> Result<Resolved, RegistryError> {
        let mut outcome = None;
        for host in self.hosts(&reference.repository) {
            match self.resolve_at(&host, reference).await {
                Ok(resolved) => return Ok(resolved),
                Err(error) => outcome = Some(passed_over(&host, error)),
            }
        }
        Err(outcome.expect("invariant: the registry itself is among the hosts"))
    }

    async fn resolve_at(&self, host: &Host, reference: &Reference) -> Result<Resolved, RegistryError> {
        let (which, asked) = (&reference.which, name(&reference.which));
        let told = in_words(which);
        let access = Access::new(host, &reference.repository, Action::Pull);
        let question = Question::new(host, &access, Method::HEAD, format!("manifests/{asked}")).about(&told);
        let answer = match self.ask(&question.header(ACCEPT, accepted()), "a manifest", 0).await {
            Ok(answer) => Some(answer),
            // Some know no HEAD, and the failure of one has no body that says so.
            Err(RegistryError::Unsupported { .. } | RegistryError::Server { status: 400 | 501, .. }) => None,
            Err(error) => return Err(error),
        };
        let found = answer.as_ref().and_then(|answer| {
            let size = answer.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
            Some((told_digest(&answer.headers)?, size, media_type(&answer.headers)))
        });
        match (found, which) {
            (Some((found, ..)), Which::Digest { digest, .. }) if found != *digest => {
                Err(RegistryError::Digest { host: host.name.clone(), expected: *digest, found })
            }
            (Some((digest, size, media_type)), _) => Ok(Resolved { digest, media_type, size }),
            (None, which) => {
                let manifest = self.manifest_at(host, &reference.repository, which).await?;
                let size = manifest.bytes.len() as u64;
                Ok(Resolved { digest: manifest.digest, media_type: manifest.media_type, size })
            }
        }
    }

    /// The bytes of a manifest. Their digest is the one that was asked for, and the one that the registry says.
    ///
    /// # Errors
    ///
    /// If there is no such manifest, if it is none, or if nobody who has it can be asked.
    pub async fn manifest(&self, repository: &Repository, which: &Which) -> Result<ManifestBytes, RegistryError> {
        let mut outcome = None;
        for host in self.hosts(repository) {
            match self.manifest_at(&host, repository, which).await {
                Ok(manifest) => return Ok(manifest),
                Err(error) => outcome = Some(passed_over(&host, error)),
            }
        }
        Err(outcome.expect("invariant: the registry itself is among the hosts"))
    }

    pub(super) async fn manifest_at(
        &self,
        host: &Host,
        repository: &Repository,
        which: &Which,
    ) -> Result<ManifestBytes, RegistryError> {
        let (asked, told) = (name(which), in_words(which));
        let access = Access::new(host, repository, Action::Pull);
        let question = Question::new(host, &access, Method::GET, format!("manifests/{asked}")).about(&told);
        let answer = self.ask(&question.header(ACCEPT, accepted()), "a manifest", MANIFEST_MAX_LEN).await?;
        let found = Digest::of(&answer.body);
        let wanted = match which {
            Which::Digest { digest, .. } => Some(*digest),
            Which::Tag(_) => None,
        };
        for expected in wanted.into_iter().chain(told_digest(&answer.headers)) {
            check_digest(&answer, expected, found)?;
        }
        Ok(ManifestBytes { digest: found, media_type: media_type(&answer.headers), bytes: answer.body })
    }

    /// Writes a manifest. Its blobs have to be there.
    ///
    /// # Errors
    ///
    /// If the registry does not take it, or says that it is something else.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        which: &Which,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Put, RegistryError> {
        let host = Host::registry(&repository.registry);
        let mut attempts = self.attempts(&host);
        loop {
            match self.put_manifest_once(&host, (repository, which), media_type, bytes.clone()).await {
                Ok(put) => return Ok(put),
                Err(error) => attempts.write_again(error).await?,
            }
        }
    }

    pub(super) async fn put_manifest_once(
        &self,
        host: &Host,
        (repository, which): (&Repository, &Which),
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Put, RegistryError> {
        let (asked, told, digest) = (name(which), in_words(which), Digest::of(&bytes));
        let access = Access::new(host, repository, Action::Push);
        let mismatch = |expected, found| RegistryError::Digest { host: host.name.clone(), expected, found };
        if let Which::Digest { digest: expected, .. } = which
            && *expected != digest
        {
            return Err(mismatch(*expected, digest));
        }
        let sort = HeaderValue::from_str(media_type);
        let reason = "a media type is no header value";
        let sort = sort.map_err(|_| RegistryError::Protocol { host: host.name.clone(), reason })?;
        let question = Question::new(host, &access, Method::PUT, format!("manifests/{asked}")).about(&told);
        let mut question = question.header(CONTENT_TYPE, sort);
        question.content = Some(Sent { digest, len: bytes.len() as u64, content: bytes.into() });
        let answer = self.ask_once(&question, "a receipt", RECEIPT_MAX_LEN).await?;
        match told_digest(&answer.headers) {
            Some(told) if told != digest => Err(mismatch(digest, told)),
            _ => Ok(Put { digest, subject_acknowledged: answer.headers.contains_key(SUBJECT) }),
        }
    }

    /// Deletes a manifest, with each tag that points to it, or a tag alone. Its blobs are the registry's affair.
    ///
    /// # Errors
    ///
    /// If there is none, or if the registry does not do this.
    pub async fn delete_manifest(&self, repository: &Repository, which: &Which) -> Result<(), RegistryError> {
        let host = Host::registry(&repository.registry);
        let (asked, told) = (name(which), in_words(which));
        let access = Access::new(&host, repository, Action::Delete);
        let question = Question::new(&host, &access, Method::DELETE, format!("manifests/{asked}")).about(&told);
        self.ask(&question, "a receipt", RECEIPT_MAX_LEN).await.map(|_| ())
    }
}

/// Says that a mirror did not help; what the registry itself says is what people are told.
pub(super) fn passed_over(host: &Host, error: RegistryError) -> RegistryError {
    if let Some(origin) = &host.mirror_of {
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::info!(mirror = host.name, registry = origin, %error, cause, "a mirror is passed over");
    }
    error
}

/// As people are told of it.
fn in_words(which: &Which) -> String {
    match which {
        Which::Tag(tag) => format!("tag {tag}"),
        Which::Digest { digest, .. } => digest.to_string(),
    }
}

/// As in the path of an URL, where neither a tag nor a digest needs an escape.
fn name(which: &Which) -> String {
    match which {
        Which::Tag(tag) => tag.to_string(),
        Which::Digest { digest, .. } => digest.to_string(),
    }
}

fn accepted() -> HeaderValue {
    let kinds = [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST];
    HeaderValue::from_str(&kinds.join(", ")).expect("invariant: media types are header values")
}

/// The digest that the registry says, if it is of the kind that we know.
pub(super) fn told_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

/// The media type without its parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}

fn check_digest(answer: &Answer, expected: Digest, found: Digest) -> Result<(), RegistryError> {
    match expected == found {
        true => Ok(()),
        false => Err(RegistryError::Digest { host: authority(&answer.url), expected, found }),
    }
}
