//! `wasi:blobstore@0.2.0-draft`: errors are texts, contents are streams of `wasi:io`, times are in seconds.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::container::{Names, OpenContainer, inclusive};
use super::failure::{Answer, Failure, Outcome};
use super::incoming::IncomingValue;
use super::link::{Place, Reach};
use super::outgoing::OutgoingValue;
use super::{HasStore, NAMES_MAX, View, view};
use crate::capability::Via;
use crate::capability::bindings::named_imports::wasi::blobstore::blobstore;
use crate::capability::bindings::wasi::blobstore::types::{ContainerMetadata, ObjectId, ObjectMetadata};
use crate::capability::bindings::wasi::blobstore::{container, types};
use crate::instance::Guest;

/// An answer as the guest gets it.
type Told<T> = wasmtime::Result<Result<T, String>>;

fn told<T>(answer: Result<T, impl Into<Failure>>) -> Told<T> {
    match answer.map_err(Into::into) {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Guest(refusal)) => Ok(Err(refusal.to_string())),
        Err(Failure::Trap(error)) => Err(error),
    }
}

/// Whole seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(super) const BLOBSTORE: &str = "wasi:blobstore/blobstore@0.2.0-draft";

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    types::add_to_linker::<Guest, HasStore>(linker, view)?;
    container::add_to_linker::<Guest, HasStore>(linker, view)
}

/// Joins an import of `blobstore`.
pub(super) fn join(blobstore: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    blobstore::add_to_linker_instance::<Guest, HasStore>(blobstore, via, view)
}

impl View<'_> {
    /// Does something through the link of an import.
    async fn linked<T>(&mut self, via: Via, operation: impl AsyncFnOnce(Reach) -> Outcome<T>) -> Answer<T> {
        let reach = Reach { links: self.links.clone(), package: "wasi:blobstore", via };
        Ok(self.patience.within(operation(reach)).await??)
    }

    /// Does something with an open container.
    async fn opened<T>(
        &mut self,
        container: &Resource<OpenContainer>,
        operation: impl AsyncFnOnce(&OpenContainer) -> Outcome<T>,
    ) -> Answer<T> {
        let open = self.table.get(container)?.clone();
        Ok(self.patience.within(operation(&open)).await??)
    }

    /// Goes on in a list, unless that fails. Whether it has ended then.
    async fn advance<T>(
        &mut self,
        names: &Resource<Names>,
        step: impl AsyncFnOnce(&mut Names) -> Outcome<T>,
    ) -> Answer<(T, bool)> {
        let mut ahead = self.table.get(names)?.clone();
        let value = self.patience.within(step(&mut ahead)).await??;
        let ended = ahead.ended;
        *self.table.get_mut(names)? = ahead;
        Ok((value, ended))
    }

    /// Puts what was opened into the table.
    fn keep<R: Send + 'static>(&mut self, opened: Answer<R>) -> Answer<Resource<R>> {
        Ok(self.table.push(opened?)?)
    }

    async fn write(
        &mut self,
        container: &Resource<OpenContainer>,
        name: String,
        data: &Resource<OutgoingValue>,
    ) -> Answer<()> {
        self.table.get(data)?;
        let open = self.opened(container, async |open| open.taking(&name).await).await?;
        Ok(self.table.get_mut(data)?.write_to(open, name, self.patience.clone())?)
    }
}

impl From<ObjectId> for Place {
    fn from(id: ObjectId) -> Self {
        Self { container: id.container, object: id.object }
    }
}

impl blobstore::Host for View<'_> {
    async fn create_container(&mut self, via: Via, name: String) -> Told<Resource<OpenContainer>> {
        let created = self.linked(via, async |reach| reach.create(name).await).await;
        told(self.keep(created))
    }

    async fn get_container(&mut self, via: Via, name: String) -> Told<Resource<OpenContainer>> {
        let found = self.linked(via, async |reach| reach.open(name).await).await;
        told(self.keep(found))
    }

    async fn delete_container(&mut self, via: Via, name: String) -> Told<()> {
        told(self.linked(via, async |reach| reach.delete(name).await).await)
    }

    async fn container_exists(&mut self, via: Via, name: String) -> Told<bool> {
        told(self.linked(via, async |reach| reach.exists(name).await).await)
    }

    async fn copy_object(&mut self, via: Via, source: ObjectId, target: ObjectId) -> Told<()> {
        told(self.linked(via, async |reach| reach.copy(source.into(), target.into()).await).await)
    }

    async fn move_object(&mut self, via: Via, source: ObjectId, target: ObjectId) -> Told<()> {
        told(self.linked(via, async |reach| reach.relocate(source.into(), target.into()).await).await)
    }
}

impl container::Host for View<'_> {}

impl container::HostContainer for View<'_> {
    async fn name(&mut self, container: Resource<OpenContainer>) -> Told<String> {
        told(self.opened(&container, async |open| Ok(open.name.clone())).await)
    }

    async fn info(&mut self, container: Resource<OpenContainer>) -> Told<ContainerMetadata> {
        let info = async |open: &OpenContainer| {
            let created_at = seconds(open.created().await?);
            Ok(ContainerMetadata { name: open.name.clone(), created_at })
        };
        told(self.opened(&container, info).await)
    }

    async fn get_data(
        &mut self,
        container: Resource<OpenContainer>,
        name: String,
        start: u64,
        end: u64,
    ) -> Told<Resource<IncomingValue>> {
        let range = inclusive(start, end);
        let read = async |open: &OpenContainer| open.read(&name, range.clone()).await;
        let value = self.opened(&container, read).await.map(|object| IncomingValue::new(object, &range));
        told(self.keep(value))
    }

    async fn write_data(
        &mut self,
        container: Resource<OpenContainer>,
        name: String,
        data: Resource<OutgoingValue>,
    ) -> Told<()> {
        told(self.write(&container, name, &data).await)
    }

    async fn list_objects(&mut self, container: Resource<OpenContainer>) -> Told<Resource<Names>> {
        let list = async |open: &OpenContainer| open.created().await.map(|_| open.names());
        let names = self.opened(&container, list).await;
        told(self.keep(names))
    }

    async fn delete_object(&mut self, container: Resource<OpenContainer>, name: String) -> Told<()> {
        told(self.opened(&container, async |open| open.delete(&name).await).await)
    }

    async fn delete_objects(&mut self, container: Resource<OpenContainer>, names: Vec<String>) -> Told<()> {
        told(self.opened(&container, async |open| open.delete_many(names).await).await)
    }

    async fn has_object(&mut self, container: Resource<OpenContainer>, name: String) -> Told<bool> {
        told(self.opened(&container, async |open| open.has(&name).await).await)
    }

    async fn object_info(&mut self, container: Resource<OpenContainer>, name: String) -> Told<ObjectMetadata> {
        let info = async |open: &OpenContainer| {
            let entry = open.entry(&name).await?;
            let created_at = seconds(entry.created);
            Ok(ObjectMetadata { name: entry.name, container: open.name.clone(), created_at, size: entry.size })
        };
        told(self.opened(&container, info).await)
    }

    async fn clear(&mut self, container: Resource<OpenContainer>) -> Told<()> {
        told(self.opened(&container, async |open| open.clear().await).await)
    }

    async fn drop(&mut self, container: Resource<OpenContainer>) -> wasmtime::Result<()> {
        self.table.delete(container)?;
        Ok(())
    }
}

impl container::HostStreamObjectNames for View<'_> {
    async fn read_stream_object_names(&mut self, names: Resource<Names>, len: u64) -> Told<(Vec<String>, bool)> {
        let most = usize::try_from(len).unwrap_or(usize::MAX).min(NAMES_MAX);
        told(self.advance(&names, async |names| names.next(most).await).await)
    }

    async fn skip_stream_object_names(&mut self, names: Resource<Names>, num: u64) -> Told<(u64, bool)> {
        told(self.advance(&names, async |names| names.skip(num).await).await)
    }

    async fn drop(&mut self, names: Resource<Names>) -> wasmtime::Result<()> {
        self.table.delete(names)?;
        Ok(())
    }
}

impl types::Host for View<'_> {}

impl types::HostOutgoingValue for View<'_> {
    async fn new_outgoing_value(&mut self) -> wasmtime::Result<Resource<OutgoingValue>> {
        Ok(self.table.push(OutgoingValue::new(self.ahead))?)
    }

    async fn outgoing_value_write_body(
        &mut self,
        value: Resource<OutgoingValue>,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, ()>> {
        let Some(stream) = self.table.get_mut(&value)?.stream() else { return Ok(Err(())) };
        let stream: DynOutputStream = Box::new(stream);
        // Not a child of the value: guests finish values whose stream they still hold.
        Ok(Ok(self.table.push(stream)?))
    }

    async fn finish(&mut self, value: Resource<OutgoingValue>) -> Told<()> {
        let value = self.table.delete(value)?;
        told(value.finish().await)
    }

    async fn drop(&mut self, value: Resource<OutgoingValue>) -> wasmtime::Result<()> {
        self.table.delete(value)?;
        Ok(())
    }
}

impl types::HostIncomingValue for View<'_> {
    async fn incoming_value_consume_sync(&mut self, value: Resource<IncomingValue>) -> Told<Vec<u8>> {
        let value = self.table.delete(value)?;
        told(value.whole(self.patience.clone()).await)
    }

    async fn incoming_value_consume_async(&mut self, value: Resource<IncomingValue>) -> Told<Resource<DynInputStream>> {
        let value = self.table.delete(value)?;
        let stream: DynInputStream = Box::new(value.stream(self.patience.clone()));
        told(self.keep(Ok(stream)))
    }

    async fn size(&mut self, value: Resource<IncomingValue>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&value)?.size)
    }

    async fn drop(&mut self, value: Resource<IncomingValue>) -> wasmtime::Result<()> {
        self.table.delete(value)?;
        Ok(())
    }
}
