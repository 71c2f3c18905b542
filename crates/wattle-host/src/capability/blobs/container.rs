//! What a guest does with the objects of a container, the same through every interface and on every backend.

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use futures::stream::{self, StreamExt, TryStreamExt};
use wattle_backend::blobs::{Blobs, Content, Object, ObjectEntry};

use super::failure::{Outcome, Refusal, refuse};
use super::{NAMES_MAX, OBJECT_NAME_MAX};
use crate::backing::Lease;
use crate::capability::keep::{Call, Place};
use crate::capability::operation::{Caller, Operation};
use crate::capability::patience::Patience;
use crate::telemetry::Watched;

/// Names that are asked of a backend at a time.
const PAGE_LEN: usize = 1000;
/// How many objects are removed at a time.
const AT_ONCE: usize = 16;

/// A container that a guest holds open.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenContainer {
    lease: Arc<Lease>,
    place: Arc<Place>,
    /// As the guest calls it.
    pub(super) name: String,
    pub(super) caller: Caller,
}

fn checked(name: &str) -> Outcome<&str> {
    match name.len() {
        0 => refuse("the name of an object must not be empty"),
        len if len > OBJECT_NAME_MAX => {
            refuse(format!("the name of an object has at most {OBJECT_NAME_MAX} bytes, this one has {len}"))
        }
        _ => Ok(name),
    }
}

/// The outcome of `work`, if it comes while `patience` lasts.
pub(super) async fn timely<T>(patience: &Patience, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    patience.within(work).await.unwrap_or_else(|timed_out| Err(timed_out.into()))
}

/// The bytes from `start` to `end`, which both interfaces count in: `0, 0` is the first byte. Of an end behind that of
/// the object what is there is read; an end before the start is a range of nothing.
pub(super) fn inclusive(start: u64, end: u64) -> Range<u64> {
    match start <= end {
        true => start..end.saturating_add(1),
        false => start..start,
    }
}

impl OpenContainer {
    pub(super) fn new(lease: Arc<Lease>, name: String, caller: Caller) -> Outcome<Self> {
        let place = Arc::new(lease.blobs()?.place(name.clone()));
        Ok(Self { lease, place, name, caller })
    }

    /// A call of what is kept in it.
    pub(super) async fn call(&self) -> Outcome<Call<'_, dyn Blobs>> {
        Ok(self.lease.blobs()?.call(&self.place).await)
    }

    /// Whether it is the same as `other`.
    pub(super) fn is(&self, other: &Self) -> bool {
        let keeps = self.lease.blobs().ok().zip(other.lease.blobs().ok());
        keeps.is_some_and(|(own, other)| Arc::ptr_eq(&own, &other)) && self.name == other.name
    }

    /// Does `work`, which is `operation`, for as long as `patience` lasts, and tells whoever asked for it.
    pub(super) async fn perform<T>(
        &self,
        operation: Operation,
        patience: &Patience,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        self.caller.watch(operation, timely(patience, work)).await
    }

    /// The same of an operation that goes on in a stream: `work` begins it, and it ends with what is given beside the value.
    pub(super) async fn perform_first<T>(
        &self,
        operation: Operation,
        patience: &Patience,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Watched)> {
        self.caller.watch_first(operation, timely(patience, work)).await
    }

    /// When it was made.
    pub(super) async fn created(&self) -> Outcome<SystemTime> {
        let call = self.call().await?;
        let entry = call.store().container(&call.bucket).await?.ok_or(Refusal::NoContainer)?;
        Ok(entry.created)
    }

    /// An object, of which `range` is read.
    pub(super) async fn read(&self, name: &str, range: Range<u64>) -> Outcome<Object> {
        let (name, call) = (checked(name)?, self.call().await?);
        let object = call.store().read(&call.bucket, name, range).await?;
        let object = object.ok_or(Refusal::NoObject)?;
        Ok(Object { content: self.lease.cut(object.content), ..object })
    }

    pub(super) async fn write(&self, name: &str, content: Content) -> Outcome<()> {
        let (name, call) = (checked(name)?, self.call().await?);
        let _note = call.writes(Some(name));
        self.lease.until_end(call.store().write(&call.bucket, name, content)).await?;
        Ok(())
    }

    /// Refuses if no object can be written here under this name.
    pub(super) async fn takes(&self, name: &str) -> Outcome<()> {
        checked(name)?;
        self.created().await.map(drop)
    }

    pub(super) async fn entry(&self, name: &str) -> Outcome<ObjectEntry> {
        Ok(self.read(name, 0..0).await?.entry)
    }

    pub(super) async fn has(&self, name: &str) -> Outcome<bool> {
        let (name, call) = (checked(name)?, self.call().await?);
        Ok(call.store().read(&call.bucket, name, 0..0).await?.is_some())
    }

    /// Removes an object. That it was not there is no error.
    pub(super) async fn delete(&self, name: &str) -> Outcome<()> {
        let (name, call) = (checked(name)?, self.call().await?);
        let _note = call.writes(Some(name));
        Ok(call.store().remove(&call.bucket, name).await?)
    }

    /// Removes objects, one by one: if one cannot be removed, others may be gone or not.
    pub(super) async fn delete_many(&self, names: Vec<String>) -> Outcome<()> {
        if names.len() > NAMES_MAX {
            return refuse(format!("one call removes at most {NAMES_MAX} objects, these are {}", names.len()));
        }
        names.iter().try_for_each(|name| checked(name).map(drop))?;
        let removals = stream::iter(names).map(|name| async move { self.delete(&name).await });
        removals.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Removes every object, one by one. One that is written meanwhile may be left.
    pub(super) async fn clear(&self) -> Outcome<()> {
        let mut names = self.names();
        while !names.ended {
            self.delete_many(names.next(PAGE_LEN).await?).await?;
        }
        Ok(())
    }

    /// The names of its objects.
    pub(super) fn names(&self) -> Names {
        Names { container: self.clone(), after: None, ended: false }
    }
}

/// The names of the objects of a container, in byte order, as far as a guest has got. What is written or removed
/// meanwhile is in it or not.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Names {
    pub(super) container: OpenContainer,
    after: Option<String>,
    /// Whether there are no more.
    pub(super) ended: bool,
}

impl Names {
    /// Some of the next `most` names; none only if there are no more.
    pub(super) async fn page(&mut self, most: usize) -> Outcome<Vec<String>> {
        let call = self.container.call().await?;
        let page = call.store().list(&call.bucket, self.after.as_deref(), most.min(PAGE_LEN)).await?;
        drop(call);
        self.ended = page.next.is_none();
        self.after = page.next.or_else(|| page.objects.last().map(|last| last.name.clone())).or(self.after.take());
        Ok(page.objects.into_iter().map(|object| object.name).collect())
    }

    /// The next `most` names, fewer only if there are no more.
    pub(super) async fn next(&mut self, most: usize) -> Outcome<Vec<String>> {
        let mut names = Vec::new();
        while names.len() < most && !self.ended {
            names.append(&mut self.page(most - names.len()).await?);
        }
        Ok(names)
    }

    /// Passes over the next `most` names. How many there were.
    pub(super) async fn skip(&mut self, most: u64) -> Outcome<u64> {
        let mut skipped = 0;
        while skipped < most && !self.ended {
            let page = self.page(usize::try_from(most - skipped).unwrap_or(usize::MAX)).await?;
            skipped += page.len() as u64;
        }
        Ok(skipped)
    }
}
