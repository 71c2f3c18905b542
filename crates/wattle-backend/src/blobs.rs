//! The trait of backends that keep blobs: objects in containers, read and written as streams.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::backend::Backend;
use crate::bucket::Bucket;
use crate::error::{BackendError, Part};
use crate::{limits, page};

/// The content of an object, piece by piece. After an error nothing more comes.
pub type Content = BoxStream<'static, Result<Bytes, BackendError>>;

/// What is known of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerEntry {
    /// When it was made.
    pub created: SystemTime,
}

/// What is known of an object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// When this content was written.
    pub created: SystemTime,
}

/// An object that is being read.
pub struct Object {
    /// What is known of it.
    pub entry: ObjectEntry,
    /// The bytes of the range that was asked for, all of one version of the object.
    pub content: Content,
}

/// A page of objects in the byte order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<ObjectEntry>,
    /// Where the next page starts: after this name, the last of this page. `None`: there were no more objects.
    pub next: Option<String>,
}

impl ObjectPage {
    /// The first `limit` objects (at least one, at most [`PAGE_MAX_OBJECTS`](limits::PAGE_MAX_OBJECTS)) of those that
    /// `next_object` gives until it gives `None`.
    pub(crate) fn take(
        limit: usize,
        next_object: impl FnMut() -> Result<Option<ObjectEntry>, BackendError>,
    ) -> Result<Self, BackendError> {
        let (objects, more) = page::take(limit.min(limits::PAGE_MAX_OBJECTS), next_object)?;
        Ok(Self { next: objects.last().filter(|_| more).map(|last| last.name.clone()), objects })
    }
}

/// Refuses names that are too long.
pub(crate) fn checked(container: &Bucket, name: &str) -> Result<(), BackendError> {
    limits::checked(Part::Container, container.name.len())?;
    limits::checked(Part::Object, name.len())
}

/// What there is of a range of bytes in an object of this size.
pub(crate) fn clamped(range: Range<u64>, size: u64) -> Range<u64> {
    range.start.min(size)..range.end.min(size)
}

/// A store of objects in containers.
///
/// - Any text is a name, within [`limits`]. Two texts that differ in a byte are two names.
/// - An object is there as a whole or not at all: a write replaces what was there when its whole content has come and
///   is as durable as the backend can make it. A write whose content fails, or that is dropped before its content has
///   ended, leaves what was there.
/// - No object is held in memory as a whole by a backend that keeps it elsewhere.
/// - What is done in a container that is not there fails with [`BackendError::NoContainer`].
/// - Futures borrow nothing. Methods do not block: they may be called on a thread that also serves requests.
pub trait Blobs: Backend {
    /// Makes a container. Whether it was not there before.
    fn create_container(&self, container: &Bucket) -> BoxFuture<'static, Result<bool, BackendError>>;

    /// The container, or `None`.
    fn container(&self, container: &Bucket) -> BoxFuture<'static, Result<Option<ContainerEntry>, BackendError>>;

    /// Removes a container with all its objects. That it was not there is no error.
    fn remove_container(&self, container: &Bucket) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Writes an object, whatever was there. An error in `content` ends the write and is its result.
    fn write(
        &self,
        container: &Bucket,
        name: &str,
        content: Content,
    ) -> BoxFuture<'static, Result<ObjectEntry, BackendError>>;

    /// The bytes of an object from `range.start` to before `range.end`, as far as there are any, or `None`. Reading
    /// begins when the content is polled: an empty range costs no more than the entry.
    fn read(
        &self,
        container: &Bucket,
        name: &str,
        range: Range<u64>,
    ) -> BoxFuture<'static, Result<Option<Object>, BackendError>>;

    /// Removes an object. That it was not there is no error. Who reads it may go on reading.
    fn remove(&self, container: &Bucket, name: &str) -> BoxFuture<'static, Result<(), BackendError>>;

    /// At most `limit` objects (0 counts as 1) whose names come after `after` in byte order. `after` need not exist. A
    /// page may be shorter than `limit` though there are more: [`ObjectPage::next`] tells.
    fn list(
        &self,
        container: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<ObjectPage, BackendError>>;
}
