//! `wasi:blobstore@0.2.0-draft`: errors are texts, contents are streams of `wasi:io`, times are in seconds.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::component::{LinkerInstance, Resource};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::container::{Names, OpenContainer, inclusive, timely};
use super::failure::{Answer, Failure, Outcome};
use super::incoming::{IncomingValue, Reading};
use super::link::{Place, Reach};
use super::operation::{
    CLEAR, DELETE_OBJECT, DELETE_OBJECTS, GET_DATA, HAS_OBJECT, INFO, LIST_OBJECTS, OBJECT_INFO, READ_NAMES,
    SKIP_NAMES, WRITE_DATA,
};
use super::outgoing::OutgoingValue;
use super::{HasStore, NAMES_MAX, VIEWS, View};
use crate::capability::Via;
use crate::capability::bindings::named_imports::wasi::blobstore::blobstore;
use crate::capability::bindings::wasi::blobstore::types::{ContainerMetadata, ObjectId, ObjectMetadata};
use crate::capability::bindings::wasi::blobstore::{container, types};
use crate::capability::operation::{Namespace, Operation};
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

pub(super) const TYPES: &str = "wasi:blobstore/types@0.2.0-draft";
pub(super) const CONTAINER: &str = "wasi:blobstore/container@0.2.0-draft";
pub(super) const BLOBSTORE: &str = "wasi:blobstore/blobstore@0.2.0-draft";

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

impl View<'_> {
    /// Does something through the link of an import.
    async fn linked<T>(&mut self, via: Via, operation: impl AsyncFnOnce(Reach) -> Outcome<T>) -> Answer<T> {
        let (links, current, patience) = (self.links.clone(), self.current.clone(), self.patience.clone());
        Ok(operation(Reach { links, namespace: Namespace::Wasi, via, current, patience }).await?)
    }

    /// Does something with an open container, which is `operation`.
    async fn opened<T>(
        &mut self,
        container: &Resource<OpenContainer>,
        operation: Operation,
        work: impl AsyncFnOnce(&OpenContainer) -> Outcome<T>,
    ) -> Answer<T> {
        let open = self.table.get(container)?.clone();
        Ok(open.perform(operation, &self.patience, work(&open)).await?)
    }

    /// Goes on in a list, which is `operation`, unless that fails. Whether it has ended then.
    async fn advance<T>(
        &mut self,
        names: &Resource<Names>,
        operation: Operation,
        step: impl AsyncFnOnce(&mut Names) -> Outcome<T>,
    ) -> Answer<(T, bool)> {
        let mut ahead = self.table.get(names)?.clone();
        let caller = ahead.container.caller.clone();
        let value = caller.watch(operation, timely(&self.patience, step(&mut ahead))).await?;
        let ended = ahead.ended;
        *self.table.get_mut(names)? = ahead;
        Ok((value, ended))
    }

    /// Puts what was opened into the table.
    fn keep<R: Send + 'static>(&mut self, opened: Answer<R>) -> Answer<Resource<R>> {
        Ok(self.table.push(opened?)?)
    }

    async fn read(
        &mut self,
        container: &Resource<OpenContainer>,
        name: &str,
        range: Range<u64>,
    ) -> Answer<IncomingValue> {
        let open = self.table.get(container)?.clone();
        let read = open.read(name, range.clone());
        let (object, watched) = open.perform_first(GET_DATA, &self.patience, read).await?;
        Ok(IncomingValue(Reading::new(object, &range, watched)))
    }

    async fn write(
        &mut self,
        container: &Resource<OpenContainer>,
        name: String,
        data: &Resource<OutgoingValue>,
    ) -> Answer<()> {
        let open = self.table.get(container)?.clone();
        let value = self.table.get_mut(data)?;
        let begin = async {
            open.takes(&name).await?;
            value.begin()
        };
        let ((), watched) = open.perform_first(WRITE_DATA, &self.patience, begin).await?;
        value.write_to(open, name, self.patience.clone(), watched);
        Ok(())
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
        told(self.table.get(&container).map(|open| open.name.clone()))
    }

    async fn info(&mut self, container: Resource<OpenContainer>) -> Told<ContainerMetadata> {
        let info = async |open: &OpenContainer| {
            let created_at = seconds(open.created().await?);
            Ok(ContainerMetadata { name: open.name.clone(), created_at })
        };
        told(self.opened(&container, INFO, info).await)
    }

    async fn get_data(
        &mut self,
        container: Resource<OpenContainer>,
        name: String,
        start: u64,
        end: u64,
    ) -> Told<Resource<IncomingValue>> {
        let found = self.read(&container, &name, inclusive(start, end)).await;
        told(self.keep(found))
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
        let names = self.opened(&container, LIST_OBJECTS, list).await;
        told(self.keep(names))
    }

    async fn delete_object(&mut self, container: Resource<OpenContainer>, name: String) -> Told<()> {
        told(self.opened(&container, DELETE_OBJECT, async |open| open.delete(&name).await).await)
    }

    async fn delete_objects(&mut self, container: Resource<OpenContainer>, names: Vec<String>) -> Told<()> {
        told(self.opened(&container, DELETE_OBJECTS, async |open| open.delete_many(names).await).await)
    }

    async fn has_object(&mut self, container: Resource<OpenContainer>, name: String) -> Told<bool> {
        told(self.opened(&container, HAS_OBJECT, async |open| open.has(&name).await).await)
    }

    async fn object_info(&mut self, container: Resource<OpenContainer>, name: String) -> Told<ObjectMetadata> {
        let info = async |open: &OpenContainer| {
            let entry = open.entry(&name).await?;
            let created_at = seconds(entry.created);
            Ok(ObjectMetadata { name: entry.name, container: open.name.clone(), created_at, size: entry.size })
        };
        told(self.opened(&container, OBJECT_INFO, info).await)
    }

    async fn clear(&mut self, container: Resource<OpenContainer>) -> Told<()> {
        told(self.opened(&container, CLEAR, async |open| open.clear().await).await)
    }

    async fn drop(&mut self, container: Resource<OpenContainer>) -> wasmtime::Result<()> {
        self.table.delete(container)?;
        Ok(())
    }
}

impl container::HostStreamObjectNames for View<'_> {
    async fn read_stream_object_names(&mut self, names: Resource<Names>, len: u64) -> Told<(Vec<String>, bool)> {
        let most = usize::try_from(len).unwrap_or(usize::MAX).min(NAMES_MAX);
        told(self.advance(&names, READ_NAMES, async |names| names.next(most).await).await)
    }

    async fn skip_stream_object_names(&mut self, names: Resource<Names>, num: u64) -> Told<(u64, bool)> {
        told(self.advance(&names, SKIP_NAMES, async |names| names.skip(num).await).await)
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
        Ok(self.table.get(&value)?.0.size)
    }

    async fn drop(&mut self, value: Resource<IncomingValue>) -> wasmtime::Result<()> {
        self.table.delete(value)?;
        Ok(())
    }
}
