//! What is about a manifest: signatures, provenance. Listed by the registry, or by us under a tag where it does not (the
//! "referrers tag schema" of the OCI distribution specification 1.1).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Repository, Tag, Which};

use super::Registries;
use super::error::{Action, RegistryError};
use super::host::Host;
use super::manifests::{ManifestBytes, passed_over};
use super::pages::List;
use super::token::Access;
use crate::format::manifest::{Descriptor, Document, MANIFEST_MAX_LEN, ManifestError};
use crate::format::media_type;

/// How often a list is written when others write it too.
const WRITES: u32 = 24;
/// How often what was added to a list has to be found in it, each time after a pause, before it is taken to stay there.
const LOOKS: u32 = 2;
/// How many pauses long a registry is taken to be slow at most.
const SLOWEST: u32 = 7;

impl Registries {
    /// What is about the manifest `subject`, of one kind if one is named. Nothing is no error. What a mirror lists
    /// counts if it lists something: one that has copied only what was asked for lists nothing.
    ///
    /// # Errors
    ///
    /// If the list cannot be read, or if nobody who has it can be asked.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let about = About { repository, subject };
        let mut outcome = Ok(Vec::new());
        for host in self.hosts(repository) {
            outcome = self.referrers_at(&host, &about, artifact_type).await.map_err(|error| passed_over(&host, error));
            if outcome.as_ref().is_ok_and(|found| !found.is_empty()) {
                break;
            }
        }
        outcome
    }

    async fn referrers_at(
        &self,
        host: &Host,
        about: &About<'_>,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let listed = match self.listed(host, about, artifact_type).await {
            // A registry that lists them lists nothing for what it does not have: this one does not.
            Err(RegistryError::NotFound { .. }) => self.tagged(host, about).await,
            listed => listed,
        };
        // Who does not filter says so by not saying that it did.
        let is_wanted = |found: &Descriptor| artifact_type.is_none() || found.artifact_type.as_deref() == artifact_type;
        listed.map(|listed| listed.into_iter().filter(is_wanted).collect())
    }

    async fn listed(
        &self,
        host: &Host,
        about: &About<'_>,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let access = Access::new(host, about.repository, Action::Pull);
        // A `+` in it would be a blank.
        let filter =
            artifact_type.map(|kind| format!("?artifactType={}", byte_serialize(kind.as_bytes()).collect::<String>()));
        let path = format!("referrers/{}{}", about.subject, filter.unwrap_or_default());
        let list = List { host, access: &access, path, what: "referrers", accept: Some(media_type::INDEX) };
        let mut found = Vec::new();
        self.pages(&list, |page| {
            let page = about.read(page)?;
            let len = page.len();
            found.extend(page);
            Ok(len)
        })
        .await?;
        Ok(found)
    }

    async fn tagged(&self, host: &Host, about: &About<'_>) -> Result<Vec<Descriptor>, RegistryError> {
        match self.tag_list(host, about).await? {
            Some(list) => about.read(&list.bytes),
            None => Ok(Vec::new()),
        }
    }

    async fn tag_list(&self, host: &Host, about: &About<'_>) -> Result<Option<ManifestBytes>, RegistryError> {
        match self.manifest_at(host, about.repository, &about.which()).await {
            Ok(list) => Ok(Some(list)),
            Err(RegistryError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds `referrer` to the list about `subject` that a tag points to: for a registry that did not acknowledge the
    /// subject of a manifest. What others have added stays.
    ///
    /// Nothing in the protocol keeps two from writing the list at the same time, and the one that is slower writes over
    /// what the other one did. So it is looked for twice, each time after a pause that chance makes longer or shorter,
    /// and added again if it is gone. Who still writes over it later has taken longer to write than we have paused.
    ///
    /// # Errors
    ///
    /// If there is something else under that tag, if the list gets too long, if others write it all the time (it is not
    /// in the list then), or if the registry does not take it.
    pub async fn add_referrer_by_tag(
        &self,
        repository: &Repository,
        subject: Digest,
        referrer: &Descriptor,
    ) -> Result<(), RegistryError> {
        let host = Host::registry(&repository.registry);
        let about = About { repository, subject };
        let mut attempts = self.attempts(&host);
        let (mut written, mut found, mut slowest) = (0, 0, Duration::ZERO);
        while found <= LOOKS {
            let begun = Instant::now();
            let list = self.tag_list(&host, &about).await?;
            if about.lists(list.as_ref(), referrer)? {
                found += 1;
            } else if written == WRITES {
                return Err(RegistryError::Contended { repository: repository.clone(), subject });
            } else {
                (written, found) = (written + 1, 0);
                let (longer, which) = (about.with(list.as_ref(), referrer)?, about.which());
                // Once: what others have added until it is tried again would not be in it.
                let put = self.put_manifest_once(&host, (repository, &which), media_type::INDEX, longer.into());
                match put.await {
                    Ok(_) => attempts.begin_anew(),
                    Err(error) => attempts.write_again(error).await?,
                }
                // As slow as it was for us it may be for those who write over it.
                slowest = slowest.max(begun.elapsed()).min(self.pause * SLOWEST);
            }
            if found <= LOOKS {
                let pause = self.chance.between(self.pause / 6, self.pause);
                tokio::time::sleep(slowest + pause).await;
            }
        }
        Ok(())
    }
}

/// The manifest that a list is about.
struct About<'a> {
    repository: &'a Repository,
    subject: Digest,
}

impl About<'_> {
    /// The tag of the list.
    fn which(&self) -> Which {
        let tag = self.subject.to_string().replace(':', "-");
        Which::Tag(tag.parse::<Tag>().expect("invariant: an algorithm and hex digits are a tag"))
    }

    fn unreadable(&self, source: ManifestError) -> RegistryError {
        RegistryError::Referrers { repository: self.repository.clone(), subject: self.subject, source }
    }

    fn read(&self, list: &[u8]) -> Result<Vec<Descriptor>, RegistryError> {
        match Document::read(list, Some(media_type::INDEX)).map_err(|source| self.unreadable(source))? {
            Document::Index(index) => Ok(index.manifests),
            Document::Manifest(_) => Err(self.unreadable(ManifestError::MediaType(media_type::MANIFEST.into()))),
        }
    }

    /// Whether the list has `referrer`.
    fn lists(&self, list: Option<&ManifestBytes>, referrer: &Descriptor) -> Result<bool, RegistryError> {
        let Some(list) = list else { return Ok(false) };
        Ok(self.read(&list.bytes)?.iter().any(|listed| listed.digest == referrer.digest))
    }

    /// The list with `referrer` at its end. What we do not know of the others stays as it is.
    fn with(&self, list: Option<&ManifestBytes>, referrer: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let unreadable = |source| self.unreadable(ManifestError::Json(source));
        let mut value = match list {
            Some(list) => serde_json::from_slice(&list.bytes).map_err(unreadable)?,
            None => json!({ "schemaVersion": 2, "mediaType": media_type::INDEX }),
        };
        let added = serde_json::to_value(referrer).map_err(unreadable)?;
        match &mut value["manifests"] {
            Value::Array(manifests) => manifests.push(added),
            // It was read as an index before: there is none, or null.
            empty => *empty = json!([added]),
        }
        let bytes = value.to_string().into_bytes();
        match bytes.len() > MANIFEST_MAX_LEN {
            true => Err(self.unreadable(ManifestError::TooLong)),
            false => Ok(bytes),
        }
    }
}
