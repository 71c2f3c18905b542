//! Who signed what is here: asked of the registry once, and known without it from then on.
//!
//! A signature that was believed is kept in the store, as is the artifact: an index of what holds signatures is noted
//! under the tag that registries without lists of referrers have for it, `sha256-<hex>`. It is checked each time that it
//! is read, so that a key that is trusted no more, or a signature that has expired, is found out.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository, Tag, Which};

use super::keeping::Keeping;
use super::{Artifacts, FetchError};
use crate::format::manifest::{Annotations, Descriptor, Document, Index, MANIFEST_MAX_LEN};
use crate::format::media_type;
use crate::sign::bundle::SIGNATURE_MAX_LEN;
use crate::sign::key::PublicKey;
use crate::signatures::{self, Holding, Judged, Wanted, layers};
use crate::store::{Noted, StoreError};

/// The most manifests with signatures that are kept for one artifact.
const KEPT_MAX: usize = 32;

impl Artifacts {
    /// What the signatures of the manifest `subject` in `repository` are worth: of those that are here, if one of them is
    /// believed, else of those in the registry, if it may be asked.
    ///
    /// # Errors
    ///
    /// If that has to be asked, and cannot be. That there are none is no error.
    pub async fn signed(
        &self,
        repository: &Repository,
        subject: Digest,
        keys: &[PublicKey],
        now: DateTime<Utc>,
    ) -> Result<Judged, FetchError> {
        let wanted = Wanted { subject, keys, now };
        let kept = self.kept_signatures(repository, subject).await?;
        let mut here = Judged::default();
        for descriptor in &kept {
            if let Some(holding) = self.holding(descriptor).await? {
                here.judge(holding, wanted);
            }
        }
        if !here.verified.is_empty() || self.registries.is_none() {
            return Ok(here);
        }
        let reference = repository.at(subject);
        let registries = self.registries(&reference).await?;
        let judged = signatures::verify(registries, repository, subject, keys, now).await;
        let judged = judged.map_err(|source| FetchError::of_registry(reference, source))?;
        self.keep_signatures(repository, subject, kept, &judged.holding).await?;
        Ok(judged)
    }

    /// The manifests with signatures of `subject` that are here.
    async fn kept_signatures(&self, repository: &Repository, subject: Digest) -> Result<Vec<Descriptor>, FetchError> {
        let Some(noted) = self.noted(&noted_as(repository, subject)).await? else { return Ok(Vec::new()) };
        let index = self.here(noted.digest, MANIFEST_MAX_LEN as u64).await?;
        Ok(match index.map(|bytes| Document::read(&bytes, Some(media_type::INDEX))) {
            Some(Ok(Document::Index(index))) => index.manifests,
            _ => Vec::new(),
        })
    }

    /// What a manifest that is here holds. What is missing of it holds nothing.
    async fn holding(&self, descriptor: &Descriptor) -> Result<Option<Holding>, FetchError> {
        let Some(manifest) = self.here(descriptor.digest, MANIFEST_MAX_LEN as u64).await? else { return Ok(None) };
        let mut holding = Holding { manifest, layers: Vec::new() };
        for layer in layers(&holding.manifest, None) {
            if let Some(bytes) = self.here(layer.digest, SIGNATURE_MAX_LEN as u64).await? {
                holding.layers.push((layer, bytes));
            }
        }
        Ok(Some(holding))
    }

    async fn here(&self, digest: Digest, max: u64) -> Result<Option<Bytes>, StoreError> {
        super::healed(self.in_store(move |store| store.read(&digest, max)).await)
    }

    /// Keeps what holds signatures that are believed, beside those that are `kept`.
    async fn keep_signatures(
        &self,
        repository: &Repository,
        subject: Digest,
        kept: Vec<Descriptor>,
        holding: &[Holding],
    ) -> Result<(), FetchError> {
        let keeping = Keeping::new(&self.store);
        let outcome = Self::keep_holding(&keeping, repository, subject, kept, holding).await;
        keeping.finish(outcome.map_err(FetchError::from)).await
    }

    async fn keep_holding(
        keeping: &Keeping,
        repository: &Repository,
        subject: Digest,
        kept: Vec<Descriptor>,
        holding: &[Holding],
    ) -> Result<(), StoreError> {
        let mut manifests = kept;
        for Holding { manifest, layers } in holding {
            let descriptor = Descriptor::of(media_type::MANIFEST, manifest);
            if manifests.contains(&descriptor) {
                continue;
            }
            for bytes in layers.iter().map(|(_, bytes)| bytes).chain([manifest]) {
                keeping.put(Digest::of(bytes), bytes.clone()).await?;
            }
            manifests.insert(0, descriptor);
        }
        if holding.is_empty() {
            return Ok(());
        }
        manifests.truncate(KEPT_MAX);
        let index = Index { artifact_type: None, manifests, annotations: Annotations::new() };
        let bytes = Bytes::from(index.to_bytes());
        let digest = Digest::of(&bytes);
        keeping.put(digest, bytes).await?;
        let (reference, media_type) = (noted_as(repository, subject), media_type::INDEX.into());
        keeping.note(vec![Noted { reference, digest, media_type, pulled_at: Utc::now() }]);
        Ok(())
    }
}

/// What signatures of `subject` are noted as.
fn noted_as(repository: &Repository, subject: Digest) -> Reference {
    let tag: Tag = format!("sha256-{}", subject.hex()).parse().expect("invariant: hex digits are a tag");
    Reference { repository: repository.clone(), which: Which::Tag(tag) }
}
