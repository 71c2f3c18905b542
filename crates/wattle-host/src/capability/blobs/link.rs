//! What a guest does with containers as a whole, and with objects of two of them, through its link to a backend.

use std::sync::Arc;

use super::CONTAINER_NAME_MAX;
use super::container::OpenContainer;
use super::failure::{Outcome, Refusal, refuse};
use super::operation::{
    CONTAINER_EXISTS, COPY_OBJECT, CREATE_CONTAINER, DELETE_CONTAINER, GET_CONTAINER, MOVE_OBJECT, package,
};
use crate::backing::Lease;
use crate::capability::Via;
use crate::capability::keep::Note;
use crate::capability::operation::{Caller, Namespace};
use crate::capability::patience::Patience;
use crate::component::Links;
use crate::instance::Current;
use crate::telemetry::LinkFacts;

/// The provider of an import of a blobstore.
pub(crate) struct BlobsLink {
    /// What it has of its backend.
    pub(crate) lease: Arc<Lease>,
    /// What is told of it.
    pub(crate) facts: Arc<LinkFacts>,
}

/// The containers that a component reaches through one import of a package. Without a label it reaches each through the
/// link that has the container's name as its label, else through the one that has none.
pub(super) struct Reach {
    pub(super) links: Arc<Links>,
    pub(super) namespace: Namespace,
    pub(super) via: Via,
    pub(super) current: Current,
    pub(super) patience: Patience,
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
        let link = self.links.blobs.named(package(self.namespace), &self.via, &name).ok_or(Refusal::Denied)?;
        let caller = Caller { namespace: self.namespace, current: self.current.clone(), facts: link.facts.clone() };
        OpenContainer::new(link.lease.clone(), name, caller)
    }

    pub(super) async fn create(self, name: String) -> Outcome<OpenContainer> {
        let container = self.named(name)?;
        let create = async {
            let call = container.call().await?;
            let note = call.writes(None);
            if call.store().create_container(&call.bucket).await? {
                return Ok(());
            }
            note.into_iter().for_each(Note::forget);
            Err(Refusal::ContainerExists)
        };
        container.perform(CREATE_CONTAINER, &self.patience, create).await?;
        Ok(container)
    }

    pub(super) async fn open(self, name: String) -> Outcome<OpenContainer> {
        let container = self.named(name)?;
        container.perform(GET_CONTAINER, &self.patience, container.created()).await?;
        Ok(container)
    }

    pub(super) async fn exists(self, name: String) -> Outcome<bool> {
        let container = self.named(name)?;
        let find = async {
            let call = container.call().await?;
            Ok(call.store().container(&call.bucket).await?.is_some())
        };
        container.perform(CONTAINER_EXISTS, &self.patience, find).await
    }

    /// Removes a container with its objects. That it was not there is no error.
    pub(super) async fn delete(self, name: String) -> Outcome<()> {
        let container = self.named(name)?;
        let delete = async {
            let call = container.call().await?;
            let _note = call.writes(None);
            Ok(call.store().remove_container(&call.bucket).await?)
        };
        container.perform(DELETE_CONTAINER, &self.patience, delete).await
    }

    /// Copies an object. The copy appears as a whole, and has the content that was there when copying began.
    pub(super) async fn copy(self, from: Place, to: Place) -> Outcome<()> {
        let (source, target) = (self.named(from.container)?, self.named(to.container)?);
        let copy = async {
            let object = source.read(&from.object, 0..u64::MAX).await?;
            target.write(&to.object, object.content).await
        };
        target.perform(COPY_OBJECT, &self.patience, copy).await
    }

    /// Moves an object: copies it, then removes it where it was. In between it is in both places, and stays so if the
    /// second step fails; it is never in none. What is moved to itself stays.
    pub(super) async fn relocate(self, from: Place, to: Place) -> Outcome<()> {
        let (source, target) = (self.named(from.container)?, self.named(to.container)?);
        let relocate = async {
            let object = source.read(&from.object, 0..u64::MAX).await?;
            if source.is(&target) && from.object == to.object {
                return Ok(());
            }
            target.write(&to.object, object.content).await?;
            source.delete(&from.object).await
        };
        target.perform(MOVE_OBJECT, &self.patience, relocate).await
    }
}
