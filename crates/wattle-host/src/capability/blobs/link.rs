//! What a guest does with containers as a whole, and with objects of two of them, through its link to a backend.

use std::sync::Arc;

use wattle_backend::blobs::Blobs;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_spec::name::BackendName;

use super::CONTAINER_NAME_MAX;
use super::container::OpenContainer;
use super::failure::{Outcome, Refusal, refuse};
use crate::capability::Via;
use crate::capability::joined::Joined;

/// The provider of an import of a blobstore.
pub(crate) struct BlobsLink {
    pub(crate) backend: Arc<dyn Blobs>,
    /// The backend's name: two that are kept by one engine do not share their containers.
    pub(crate) name: BackendName,
    pub(crate) owner: Owner,
}

/// The containers that a component reaches through one import of a package. Without a label it reaches each through the
/// link that has the container's name as its label, else through the one that has none.
pub(super) struct Reach {
    pub(super) links: Arc<Joined<BlobsLink>>,
    pub(super) package: &'static str,
    pub(super) via: Via,
}

/// An object by its names.
pub(super) struct Place {
    pub(super) container: String,
    pub(super) object: String,
}

impl Reach {
    /// The container of that name, whether it is there or not.
    fn named(&self, name: String) -> Outcome<OpenContainer> {
        match name.len() {
            0 => return refuse("the name of a container must not be empty"),
            len if len > CONTAINER_NAME_MAX => {
                return refuse(format!(
                    "the name of a container has at most {CONTAINER_NAME_MAX} bytes, this one has {len}"
                ));
            }
            _ => {}
        }
        let link = self.links.named(self.package, &self.via, &name).ok_or(Refusal::Denied)?;
        let bucket = Bucket { owner: link.owner.clone(), name: format!("{}/{name}", link.name) };
        Ok(OpenContainer { backend: link.backend.clone(), bucket, name })
    }

    pub(super) async fn create(self, name: String) -> Outcome<OpenContainer> {
        let container = self.named(name)?;
        match container.backend.create_container(&container.bucket).await? {
            true => Ok(container),
            false => Err(Refusal::ContainerExists),
        }
    }

    pub(super) async fn open(self, name: String) -> Outcome<OpenContainer> {
        let container = self.named(name)?;
        container.created().await?;
        Ok(container)
    }

    pub(super) async fn exists(self, name: String) -> Outcome<bool> {
        let container = self.named(name)?;
        Ok(container.backend.container(&container.bucket).await?.is_some())
    }

    /// Removes a container with its objects. That it was not there is no error.
    pub(super) async fn delete(self, name: String) -> Outcome<()> {
        let container = self.named(name)?;
        Ok(container.backend.remove_container(&container.bucket).await?)
    }

    /// Copies an object. The copy appears as a whole, and has the content that was there when copying began.
    pub(super) async fn copy(self, from: Place, to: Place) -> Outcome<()> {
        let (source, target) = (self.named(from.container)?, self.named(to.container)?);
        let object = source.read(&from.object, 0..u64::MAX).await?;
        target.write(&to.object, object.content).await
    }

    /// Moves an object: copies it, then removes it where it was. In between it is in both places, and stays so if the
    /// second step fails; it is never in none. What is moved to itself stays.
    pub(super) async fn relocate(self, from: Place, to: Place) -> Outcome<()> {
        let (source, target) = (self.named(from.container)?, self.named(to.container)?);
        let object = source.read(&from.object, 0..u64::MAX).await?;
        if source.bucket == target.bucket && from.object == to.object {
            return Ok(());
        }
        target.write(&to.object, object.content).await?;
        source.delete(&from.object).await
    }
}
