//! Objects in the object stores of NATS: a container is one of them, an object is a record with chunks of 128 KiB.
//!
//! `nats object ls wattle_default_shop__photos` lists a container, and any client of NATS reads its objects. What a host
//! that dies was writing stays behind as chunks without a record: they take room until the container is removed.
//!
//! A page of a list costs a look at the names of all objects of the container, and one request for each object of the
//! page.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, ready};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use wattle_spec::quota::Quota;

use super::connection::NatsConnection;
use super::container::{Container, Found};
use super::layout::NatsLayout;
use super::session::Session;
use super::{download, names, upload};
use crate::backend::Backend;
use crate::blobs::{Blobs, ContainerEntry, Content, Object, ObjectEntry, ObjectPage};
use crate::bucket::{Bucket, Owner};
use crate::error::BackendError;
use crate::key_value::Page;
use crate::limits;
use crate::quota::Quotas;

/// How many records of a page are asked for at a time.
const LOOKS_AT_ONCE: usize = 16;

/// A [`Blobs`] in object stores.
pub struct NatsBlobs {
    connection: Arc<NatsConnection>,
    layout: NatsLayout,
    quotas: Quotas,
    /// The containers that have the limits of a quota, or of none.
    limited: Arc<Mutex<HashMap<Bucket, Quota>>>,
}

impl NatsBlobs {
    /// The objects that are in a NATS, laid out like this.
    pub fn new(connection: Arc<NatsConnection>, layout: NatsLayout) -> Self {
        Self { connection, layout, quotas: Quotas::default(), limited: Arc::default() }
    }

    fn place(&self, container: &Bucket) -> Result<Container, BackendError> {
        Container::of(&self.layout, container, self.quotas.of(&container.owner))
    }

    /// What gives `container` the limits of its owner's quota, unless it was done.
    fn limiting(&self, container: &Bucket) -> Option<BoxFuture<'static, Result<(), BackendError>>> {
        let quota = self.quotas.of(&container.owner);
        if limited(&self.limited).get(container) == Some(&quota) {
            return None;
        }
        let (known, bucket) = (self.limited.clone(), container.clone());
        let limiting = self.call("a look at a container", container, move |session, container| async move {
            container.limit(&session).await?;
            limited(&known).insert(bucket, quota);
            Ok(())
        });
        Some(limiting)
    }

    /// Does `work` in `container`.
    fn call<T, F>(
        &self,
        what: &'static str,
        container: &Bucket,
        work: impl FnOnce(Session, Container) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + Send + 'static,
    {
        match self.place(container) {
            Ok(container) => self.connection.call(what, move |session| work(session, container)),
            Err(error) => failed(error),
        }
    }
}

fn limited(known: &Mutex<HashMap<Bucket, Quota>>) -> MutexGuard<'_, HashMap<Bucket, Quota>> {
    // Whole at every point where a panic could come.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed<T: Send + 'static>(error: BackendError) -> BoxFuture<'static, Result<T, BackendError>> {
    ready(Err(error)).boxed()
}

/// Removes the object at `token`: its record, if nobody replaced it meanwhile, and then its chunks.
async fn remove(session: Session, container: Container, token: String) -> Result<(), BackendError> {
    while let Some(Found { record, sequence, .. }) = container.find(&session, &token).await? {
        if container.remove_record(&session, sequence).await? {
            return container.remove_chunks(&session, &record.nuid).await;
        }
    }
    Ok(())
}

async fn list(
    session: Session,
    container: Container,
    after: Option<String>,
    limit: usize,
) -> Result<ObjectPage, BackendError> {
    let mut names = container.names(&session).await?;
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let limit = limit.clamp(1, limits::PAGE_MAX_OBJECTS);
    let next = names.get(limit).and(names.get(limit - 1)).cloned();
    names.truncate(limit);
    let looks = names.into_iter().map(|name| {
        let (session, container) = (&session, &container);
        async move { container.find(session, &names::object(&name)?).await }
    });
    let looks = futures::stream::iter(looks).buffered(LOOKS_AT_ONCE);
    // What was removed meanwhile is left out.
    let objects = looks.try_filter_map(|found| ready(Ok(found.map(|found| found.entry)))).try_collect().await?;
    Ok(ObjectPage { objects, next })
}

impl Backend for NatsBlobs {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.connection.call("a look at JetStream", |session| async move {
            let told = session.api::<serde_json::Value>("INFO", &json!({})).await;
            told.map(drop).map_err(|error| session.translated("any", error))
        })
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        self.quotas.set(owner, quota);
    }

    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let (layout, owner, after) = (self.layout.clone(), owner.clone(), after.map(str::to_owned));
        self.connection.call("a list of containers", move |session| async move {
            let mut names = Container::all(&session, &layout, &owner).await?;
            names.retain(|name| after.as_ref().is_none_or(|after| name > after));
            let mut names = names.into_iter();
            Page::take(limit, || Ok(names.next()))
        })
    }
}

impl Blobs for NatsBlobs {
    fn create_container(&self, container: &Bucket) -> BoxFuture<'static, Result<bool, BackendError>> {
        let layout = self.layout.clone();
        limited(&self.limited).remove(container);
        self.call("making a container", container, move |session, container| async move {
            container.create(&session, &layout).await
        })
    }

    fn container(&self, container: &Bucket) -> BoxFuture<'static, Result<Option<ContainerEntry>, BackendError>> {
        self.call(
            "a look at a container",
            container,
            |session, container| async move { container.entry(&session).await },
        )
    }

    fn remove_container(&self, container: &Bucket) -> BoxFuture<'static, Result<(), BackendError>> {
        limited(&self.limited).remove(container);
        self.call(
            "removing a container",
            container,
            |session, container| async move { container.delete(&session).await },
        )
    }

    fn write(
        &self,
        container: &Bucket,
        name: &str,
        content: Content,
    ) -> BoxFuture<'static, Result<ObjectEntry, BackendError>> {
        let limiting = self.limiting(container);
        let (connection, name) = (self.connection.clone(), name.to_owned());
        match self.place(container) {
            Ok(container) => async move {
                if let Some(limiting) = limiting {
                    limiting.await?;
                }
                upload::write(connection, container, name, content).await
            }
            .boxed(),
            Err(error) => failed(error),
        }
    }

    fn read(
        &self,
        container: &Bucket,
        name: &str,
        range: Range<u64>,
    ) -> BoxFuture<'static, Result<Option<Object>, BackendError>> {
        let token = match names::object(name) {
            Ok(token) => token,
            Err(error) => return failed(error),
        };
        let connection = self.connection.clone();
        self.call("a look at an object", container, move |session, container| async move {
            let Some(found) = container.find(&session, &token).await? else { return Ok(None) };
            let (entry, size) = (found.entry.clone(), found.record.size);
            let range = range.start.min(size)..range.end.min(size);
            Ok(Some(Object { entry, content: download::content(connection, container, found, range) }))
        })
    }

    fn remove(&self, container: &Bucket, name: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        match names::object(name) {
            Ok(token) => {
                self.call("removing an object", container, |session, container| remove(session, container, token))
            }
            Err(error) => failed(error),
        }
    }

    fn list(
        &self,
        container: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<ObjectPage, BackendError>> {
        let after = after.map(str::to_owned);
        self.call("a list of objects", container, move |session, container| list(session, container, after, limit))
    }
}
