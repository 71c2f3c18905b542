//! `wasmcloud:blobstore@0.1.0`: errors are cases, contents and lists are streams of the component model, times are in
//! nanoseconds. Its functions do not keep each other waiting.
//!
//! Such a stream has no room for an error. One that cannot go on must not look complete, so it ends the instance.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::component::{Accessor, Lift, LinkerInstance, Lower, Resource, StreamReader, WriteBuffer};
use wattle_backend::error::BackendError;

use super::container::{OpenContainer, inclusive};
use super::failure::{Answer, Failure, Outcome, Refusal};
use super::flow::{Parts, lists, outflow, upload};
use super::incoming::{Reading, pieces};
use super::link::{Place, Reach};
use super::operation::{
    CLEAR, DELETE_OBJECT, DELETE_OBJECTS, GET_DATA, HAS_OBJECT, INFO, LIST_OBJECTS, OBJECT_INFO, WRITE_DATA,
};
use super::{HasStore, VIEWS, View};
use crate::capability::Via;
use crate::capability::bindings::named_imports::wasmcloud::blobstore::blobstore;
use crate::capability::bindings::wasmcloud::blobstore::types::{ContainerMetadata, Error, ObjectId, ObjectMetadata};
use crate::capability::bindings::wasmcloud::blobstore::{container, types};
use crate::capability::operation::{Namespace, Operation};
use crate::capability::patience::Patience;
use crate::instance::Guest;

pub(super) const TYPES: &str = "wasmcloud:blobstore/types@0.1.0";
pub(super) const CONTAINER: &str = "wasmcloud:blobstore/container@0.1.0";
pub(super) const BLOBSTORE: &str = "wasmcloud:blobstore/blobstore@0.1.0";

/// Joins an import of `types`.
pub(super) fn join_types(types: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    types::add_to_linker_instance::<Guest, HasStore>(types, via.of(VIEWS))
}

/// Joins an import of `container`.
pub(super) fn join_container(container: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    container::add_to_linker_instance::<Guest, HasStore>(container, via.of(VIEWS))
}

/// Joins an import of `blobstore`.
pub(super) fn join(blobstore: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    blobstore::add_to_linker_instance::<Guest, HasStore>(blobstore, via, view)
}

/// Does something through the link of an import.
async fn linked<T: 'static, R>(
    accessor: &Accessor<T, HasStore>,
    via: Via,
    operation: impl AsyncFnOnce(Reach) -> Outcome<R>,
) -> Answer<R> {
    let reach = accessor.with(|mut access| {
        let View { links, current, patience, .. } = access.get();
        let (links, current) = (links.clone(), current.clone());
        Reach { links, namespace: Namespace::WasmCloud, via, current, patience }
    });
    Ok(operation(reach).await?)
}

/// An open container, and how long something may be done with it.
fn open<T: 'static>(
    accessor: &Accessor<T, HasStore>,
    container: &Resource<OpenContainer>,
) -> Answer<(OpenContainer, Patience)> {
    accessor.with(|mut access| {
        let View { table, patience, .. } = access.get();
        Ok((table.get(container)?.clone(), patience))
    })
}

/// Does something with an open container, which is `operation`.
async fn opened<T: 'static, R>(
    accessor: &Accessor<T, HasStore>,
    container: Resource<OpenContainer>,
    operation: Operation,
    work: impl AsyncFnOnce(&OpenContainer) -> Outcome<R>,
) -> Answer<R> {
    let (open, patience) = open(accessor, &container)?;
    Ok(open.perform(operation, &patience, work(&open)).await?)
}

/// Puts a container into the table.
fn keep<T: 'static>(accessor: &Accessor<T, HasStore>, container: OpenContainer) -> Answer<Resource<OpenContainer>> {
    Ok(accessor.with(|mut access| access.get().table.push(container))?)
}

/// Hands a stream of the host to the guest.
fn hand_out<T: 'static, I, B>(accessor: &Accessor<T, HasStore>, parts: Parts<B>) -> Answer<StreamReader<I>>
where
    I: Lower + Lift + Send + Sync + 'static,
    B: WriteBuffer<I> + Default,
{
    accessor.with(|access| StreamReader::new(access, outflow(parts))).map_err(Failure::Trap)
}

/// Nanoseconds since 1970.
fn nanoseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoContainer => Error::NoSuchContainer,
            Refusal::ContainerExists => Error::ContainerAlreadyExists,
            Refusal::NoObject => Error::NoSuchObject,
            Refusal::Denied => Error::AccessDenied,
            Refusal::Timeout(_) | Refusal::Backend(BackendError::TimedOut { .. }) => Error::Timeout,
            Refusal::Backend(BackendError::Unavailable { .. } | BackendError::Closed) => Error::StoreUnavailable,
            Refusal::Backend(BackendError::Denied { .. }) => Error::AccessDenied,
            Refusal::Backend(BackendError::Quota { .. }) => Error::QuotaExceeded,
            Refusal::Other(_) | Refusal::Backend(_) => Error::Other(refusal.to_string()),
        }
    }
}

impl From<ObjectId> for Place {
    fn from(id: ObjectId) -> Self {
        Self { container: id.container, object: id.object }
    }
}

impl types::Host for View<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        match failure {
            Failure::Guest(refusal) => Ok(refusal.into()),
            Failure::Trap(error) => Err(error),
        }
    }
}

impl blobstore::Host for View<'_> {}

impl<T: Send + 'static> blobstore::HostWithStore<T> for HasStore {
    async fn create_container(accessor: &Accessor<T, Self>, via: Via, name: String) -> Answer<Resource<OpenContainer>> {
        keep(accessor, linked(accessor, via, async |reach| reach.create(name).await).await?)
    }

    async fn get_container(accessor: &Accessor<T, Self>, via: Via, name: String) -> Answer<Resource<OpenContainer>> {
        keep(accessor, linked(accessor, via, async |reach| reach.open(name).await).await?)
    }

    async fn delete_container(accessor: &Accessor<T, Self>, via: Via, name: String) -> Answer<()> {
        linked(accessor, via, async |reach| reach.delete(name).await).await
    }

    async fn container_exists(accessor: &Accessor<T, Self>, via: Via, name: String) -> Answer<bool> {
        linked(accessor, via, async |reach| reach.exists(name).await).await
    }

    async fn copy_object(accessor: &Accessor<T, Self>, via: Via, source: ObjectId, target: ObjectId) -> Answer<()> {
        linked(accessor, via, async |reach| reach.copy(source.into(), target.into()).await).await
    }

    async fn move_object(accessor: &Accessor<T, Self>, via: Via, source: ObjectId, target: ObjectId) -> Answer<()> {
        linked(accessor, via, async |reach| reach.relocate(source.into(), target.into()).await).await
    }
}

impl container::Host for View<'_> {}

impl container::HostContainer for View<'_> {}

impl<T: Send + 'static> container::HostContainerWithStore<T> for HasStore {
    async fn name(accessor: &Accessor<T, Self>, container: Resource<OpenContainer>) -> Answer<String> {
        open(accessor, &container).map(|(open, _)| open.name)
    }

    async fn info(accessor: &Accessor<T, Self>, container: Resource<OpenContainer>) -> Answer<ContainerMetadata> {
        let info = async |open: &OpenContainer| {
            let created_at = nanoseconds(open.created().await?);
            Ok(ContainerMetadata { name: open.name.clone(), created_at })
        };
        opened(accessor, container, INFO, info).await
    }

    async fn get_data(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        name: String,
        start: u64,
        end: u64,
    ) -> Answer<StreamReader<u8>> {
        let (open, patience) = open(accessor, &container)?;
        let range = inclusive(start, end);
        let (object, watched) = open.perform_first(GET_DATA, &patience, open.read(&name, range.clone())).await?;
        hand_out(accessor, pieces(Reading::new(object, &range, watched), patience))
    }

    async fn write_data(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        name: String,
        data: StreamReader<u8>,
    ) -> Answer<()> {
        let (upload, content) = upload();
        // In any case: a stream that nobody takes would keep its writer waiting.
        accessor.with(|access| data.pipe(access, upload)).map_err(Failure::Trap)?;
        opened(accessor, container, WRITE_DATA, async |open| open.write(&name, content).await).await
    }

    async fn list_objects(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
    ) -> Answer<StreamReader<String>> {
        let (open, patience) = open(accessor, &container)?;
        let (_, watched) = open.perform_first(LIST_OBJECTS, &patience, open.created()).await?;
        hand_out(accessor, lists(open.names(), patience, watched))
    }

    async fn delete_object(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        name: String,
    ) -> Answer<()> {
        opened(accessor, container, DELETE_OBJECT, async |open| open.delete(&name).await).await
    }

    async fn delete_objects(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        names: Vec<String>,
    ) -> Answer<()> {
        opened(accessor, container, DELETE_OBJECTS, async |open| open.delete_many(names).await).await
    }

    async fn has_object(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        name: String,
    ) -> Answer<bool> {
        opened(accessor, container, HAS_OBJECT, async |open| open.has(&name).await).await
    }

    async fn object_info(
        accessor: &Accessor<T, Self>,
        container: Resource<OpenContainer>,
        name: String,
    ) -> Answer<ObjectMetadata> {
        let info = async |open: &OpenContainer| {
            let entry = open.entry(&name).await?;
            let created_at = nanoseconds(entry.created);
            Ok(ObjectMetadata { name: entry.name, container: open.name.clone(), created_at, size: entry.size })
        };
        opened(accessor, container, OBJECT_INFO, info).await
    }

    async fn clear(accessor: &Accessor<T, Self>, container: Resource<OpenContainer>) -> Answer<()> {
        opened(accessor, container, CLEAR, async |open| open.clear().await).await
    }

    async fn drop(accessor: &Accessor<T, Self>, container: Resource<OpenContainer>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().table.delete(container).map(drop))?;
        Ok(())
    }
}
