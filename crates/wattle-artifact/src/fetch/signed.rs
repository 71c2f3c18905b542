//! Who signed what is here: asked of the registry once, and known without it from then on.
//!
//! A signature that was believed is kept in the store, as is the artifact. It is checked each time that it is read, so
//! that a key that is trusted no more, or a signature that has expired, is found out.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use wattle_spec::digest::Digest;
use wattle_spec::reference::Repository;

use super::{Artifacts, FetchError};
use crate::format::manifest::MANIFEST_MAX_LEN;
use crate::sign::bundle::SIGNATURE_MAX_LEN;
use crate::sign::key::PublicKey;
use crate::signatures::{self, Holding, Judged, Wanted, layers};
use crate::store::{Store, StoreError};

impl Artifacts {
    /// What the signatures of the manifest `subject` in `repository` are worth: of those that are here, if one of them is
    /// believed, else of those in the registry, if it may be asked: [`Judged::asked`] says whether it was. One that cannot
    /// be asked just now is in [`Judged::unread`].
    ///
    /// # Errors
    ///
    /// If that has to be asked, and says what cannot be used. That there are none is no error.
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
        for manifest in kept {
            if let Some(holding) = self.holding(manifest).await? {
                here.judge(holding, wanted);
            }
        }
        if !here.verified.is_empty() || self.registries.is_none() {
            return Ok(here);
        }
        let reference = repository.at(subject);
        let registries = self.registries(&reference).await?;
        let judged = signatures::verify(registries, repository, subject, keys, now).await;
        let judged = match judged {
            Ok(judged) => judged,
            // What is wrong with those that are here is told with it.
            Err(error) if error.is_of_the_moment() => {
                here.unread.push(error);
                return Ok(here);
            }
            Err(error) => return Err(FetchError::of_registry(reference, error)),
        };
        self.keep_signatures(repository, subject, &judged.holding).await?;
        Ok(judged)
    }

    /// The manifests that are noted as holding signatures of `subject`. A note that cannot be read says nothing.
    async fn kept_signatures(&self, repository: &Repository, subject: Digest) -> Result<Vec<Digest>, FetchError> {
        let artifact = repository.clone();
        match self.in_store(move |store| store.signatures(&artifact, subject)).await {
            Err(error @ StoreError::SignaturesNote { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %subject, "what is noted of signatures is passed over");
                Ok(Vec::new())
            }
            kept => Ok(kept?),
        }
    }

    /// What a manifest that is here holds. What is missing of it holds nothing.
    async fn holding(&self, manifest: Digest) -> Result<Option<Holding>, FetchError> {
        let Some(manifest) = self.here(manifest, MANIFEST_MAX_LEN as u64).await? else { return Ok(None) };
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

    /// Keeps what holds signatures that are believed.
    async fn keep_signatures(
        &self,
        repository: &Repository,
        subject: Digest,
        holding: &[Holding],
    ) -> Result<(), FetchError> {
        if holding.is_empty() {
            return Ok(());
        }
        let (artifact, holding) = (repository.clone(), holding.to_vec());
        let keep = move |store: &Store| {
            let mut manifests = Vec::with_capacity(holding.len());
            for Holding { manifest, layers } in &holding {
                for bytes in layers.iter().map(|(_, bytes)| bytes) {
                    store.put(bytes)?;
                }
                manifests.push(store.put(manifest)?);
            }
            store.add_signatures(&artifact, subject, &manifests)
        };
        Ok(self.in_store(keep).await?)
    }
}
