//! `wasi:keyvalue@0.2.0-draft` (store, atomics, batch) over any backend of keys and values.
//!
//! What an operation means is settled here, once for all backends: which names and sizes are allowed, what a number
//! looks like to `increment`, how a list is paged.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable, ResourceTableError};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{Change, KeyValue};
use wattle_spec::name::BackendName;
use wattle_spec::resolve::{Offer, State};

use super::bindings::wasi::keyvalue::{atomics, batch, store};
use super::{Capability, offering};
use crate::engine::Profile;
use crate::instance::{Current, Guest};
use crate::telemetry::{Function, LinkFacts, watch};

/// The most bytes that the name of a bucket may have.
pub(crate) const BUCKET_NAME_MAX: usize = 256;
/// The most bytes that a key may have.
pub(crate) const KEY_MAX: usize = 1024;
/// The most bytes that a value may have.
pub(crate) const VALUE_MAX: usize = 8 << 20;
/// The most bytes that the values of one `get-many` may have together.
pub(crate) const BATCH_MAX: usize = 16 << 20;
/// The most keys that one batch may have.
pub(crate) const BATCH_LEN_MAX: usize = 10_000;
/// How many writes of one batch are under way at a time.
const BATCH_AT_ONCE: usize = 64;
/// Keys in one answer of `list-keys`.
pub(crate) const PAGE_LEN: usize = 1000;

/// `wasi:keyvalue`.
pub(super) struct KeyValueStore;

/// The provider of an import of `wasi:keyvalue`.
pub(crate) struct KeyValueLink {
    pub(crate) backend: Arc<dyn KeyValue>,
    /// The backend's name: two that are kept by one engine do not share their buckets.
    pub(crate) name: BackendName,
    pub(crate) owner: Owner,
    /// What is told of it.
    pub(crate) facts: LinkFacts,
}

/// A bucket that a guest holds open.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenBucket {
    backend: Arc<dyn KeyValue>,
    bucket: Bucket,
    /// Where the list that this guest is paging through goes on: how many keys were given out, and the last of them.
    listed: Option<(u64, String)>,
}

/// Why an operation failed: for the guest, or (a handle that is not one) for the host.
#[derive(Debug)]
pub(crate) enum Failure {
    Guest(store::Error),
    Trap(wasmtime::Error),
}

type Answer<T> = Result<T, Failure>;

fn refuse<T>(reason: impl Into<String>) -> Answer<T> {
    Err(Failure::Guest(store::Error::Other(reason.into())))
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let told = match error {
            BackendError::Refused { reason } => reason,
            // The whole story has paths of the host in it and is for the log.
            error => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a keyvalue operation failed");
                error.code().to_owned()
            }
        };
        Failure::Guest(store::Error::Other(told))
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Failure::Trap(error.into())
    }
}

struct HasStore;

impl HasData for HasStore {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    table: &'a mut ResourceTable,
    link: Option<&'a KeyValueLink>,
    current: &'a Current,
}

fn view(guest: &mut Guest) -> View<'_> {
    View { table: &mut guest.table, link: guest.identity.key_value.as_ref(), current: &guest.current }
}

/// The functions, as they are counted and traced.
mod function {
    use crate::telemetry::Function;

    pub(super) const GET: Function = Function::new("wasi:keyvalue/store.get");
    pub(super) const SET: Function = Function::new("wasi:keyvalue/store.set");
    pub(super) const DELETE: Function = Function::new("wasi:keyvalue/store.delete");
    pub(super) const EXISTS: Function = Function::new("wasi:keyvalue/store.exists");
    pub(super) const LIST_KEYS: Function = Function::new("wasi:keyvalue/store.list-keys");
    pub(super) const INCREMENT: Function = Function::new("wasi:keyvalue/atomics.increment");
    pub(super) const GET_MANY: Function = Function::new("wasi:keyvalue/batch.get-many");
    pub(super) const SET_MANY: Function = Function::new("wasi:keyvalue/batch.set-many");
    pub(super) const DELETE_MANY: Function = Function::new("wasi:keyvalue/batch.delete-many");
}

impl View<'_> {
    /// One call of `function`, told to whoever asked for it.
    async fn watch<T>(
        &mut self,
        function: Function,
        call: impl AsyncFnOnce(&mut ResourceTable) -> Answer<T>,
    ) -> Answer<T> {
        watch(self.current, function, self.link.map(|link| &link.facts), call(self.table)).await
    }
}

impl Capability for KeyValueStore {
    fn offers(&self) -> Vec<Offer> {
        offering(
            &[
                "wasi:keyvalue/store@0.2.0-draft",
                "wasi:keyvalue/atomics@0.2.0-draft",
                "wasi:keyvalue/batch@0.2.0-draft",
            ],
            Some(State::KeyValue),
        )
    }

    fn link(&self, linker: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        store::add_to_linker::<Guest, HasStore>(linker, view)?;
        atomics::add_to_linker::<Guest, HasStore>(linker, view)?;
        batch::add_to_linker::<Guest, HasStore>(linker, view)
    }
}

fn checked_key(key: &str) -> Answer<&str> {
    match key.len() {
        0 => refuse("a key must not be empty"),
        len if len > KEY_MAX => refuse(format!("a key has at most {KEY_MAX} bytes, this one has {len}")),
        _ => Ok(key),
    }
}

fn checked_batch(len: usize) -> Answer<()> {
    match len > BATCH_LEN_MAX {
        true => refuse(format!("a batch has at most {BATCH_LEN_MAX} keys, this one has {len}")),
        false => Ok(()),
    }
}

fn checked_value(value: Vec<u8>) -> Answer<Bytes> {
    match value.len() {
        len if len > VALUE_MAX => refuse(format!("a value has at most {VALUE_MAX} bytes, this one has {len}")),
        _ => Ok(value.into()),
    }
}

/// Adds `delta` to a number that is kept as decimal text, as Redis keeps it. A missing key counts as 0.
fn incremented(delta: u64) -> Change {
    Arc::new(move |old| {
        let number = match old {
            None => 0,
            Some(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| "the value at this key is not a number".to_owned())?,
        };
        let sum = number.checked_add(delta).ok_or_else(|| "the number would be too large".to_owned())?;
        Ok(sum.to_string().into())
    })
}

impl OpenBucket {
    async fn get(&self, key: &str) -> Answer<Option<Bytes>> {
        let entry = self.backend.get(&self.bucket, checked_key(key)?).await?;
        Ok(entry.map(|entry| entry.value))
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Answer<()> {
        self.backend.set(&self.bucket, checked_key(key)?, checked_value(value)?).await?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Answer<()> {
        Ok(self.backend.delete(&self.bucket, checked_key(key)?).await?)
    }

    /// A page of keys. A cursor is the number of keys that came before: it can be kept and used by a later instance;
    /// the instance that got it goes on exactly after the last key, whatever was written or removed in between.
    async fn list(&mut self, cursor: Option<u64>) -> Answer<store::KeyResponse> {
        let before = cursor.unwrap_or(0);
        let mut after = match &self.listed {
            Some((count, key)) if *count == before => Some(key.clone()),
            _ => None,
        };
        if after.is_none() && before > 0 {
            let mut skip = before;
            while skip > 0 {
                let step = usize::try_from(skip).unwrap_or(usize::MAX).min(PAGE_LEN);
                let page = self.backend.list(&self.bucket, after.as_deref(), step).await?;
                skip -= page.keys.len() as u64;
                if skip > 0 && page.next.is_none() {
                    return Ok(store::KeyResponse { keys: Vec::new(), cursor: None });
                }
                after = page.keys.last().cloned().or(after);
            }
        }
        let page = self.backend.list(&self.bucket, after.as_deref(), PAGE_LEN).await?;
        let count = before + page.keys.len() as u64;
        self.listed = page.keys.last().map(|key| (count, key.clone()));
        let cursor = page.next.is_some().then_some(count);
        Ok(store::KeyResponse { keys: page.keys, cursor })
    }

    async fn get_many(&self, keys: Vec<String>) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        checked_batch(keys.len())?;
        let mut bytes = 0;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.get(&key).await?;
            bytes += value.as_ref().map_or(0, Bytes::len);
            if bytes > BATCH_MAX {
                return refuse(format!("the values of one batch have at most {BATCH_MAX} bytes together"));
            }
            entries.push(value.map(|value| (key, value.into())));
        }
        Ok(entries)
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        checked_batch(entries.len())?;
        let writes = stream::iter(entries).map(|(key, value)| async move { self.set(&key, value).await });
        writes.buffer_unordered(BATCH_AT_ONCE).try_collect().await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Answer<()> {
        checked_batch(keys.len())?;
        let writes = stream::iter(keys).map(|key| async move { self.delete(&key).await });
        writes.buffer_unordered(BATCH_AT_ONCE).try_collect().await
    }
}

impl store::Host for View<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<OpenBucket>> {
        let Some(link) = self.link else { return Err(Failure::Guest(store::Error::AccessDenied)) };
        if identifier.len() > BUCKET_NAME_MAX {
            return Err(Failure::Guest(store::Error::NoSuchStore));
        }
        let bucket = Bucket { owner: link.owner.clone(), name: format!("{}/{identifier}", link.name) };
        Ok(self.table.push(OpenBucket { backend: link.backend.clone(), bucket, listed: None })?)
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<store::Error> {
        match failure {
            Failure::Guest(error) => Ok(error),
            Failure::Trap(error) => Err(error),
        }
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<Option<Vec<u8>>> {
        let call = async |table: &mut ResourceTable| Ok(table.get(&bucket)?.get(&key).await?.map(Vec::from));
        self.watch(function::GET, call).await
    }

    async fn set(&mut self, bucket: Resource<OpenBucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.watch(function::SET, async |table| table.get(&bucket)?.set(&key, value).await).await
    }

    async fn delete(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<()> {
        self.watch(function::DELETE, async |table| table.get(&bucket)?.delete(&key).await).await
    }

    async fn exists(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<bool> {
        let call = async |table: &mut ResourceTable| Ok(table.get(&bucket)?.get(&key).await?.is_some());
        self.watch(function::EXISTS, call).await
    }

    async fn list_keys(&mut self, bucket: Resource<OpenBucket>, cursor: Option<u64>) -> Answer<store::KeyResponse> {
        self.watch(function::LIST_KEYS, async |table| table.get_mut(&bucket)?.list(cursor).await).await
    }

    async fn drop(&mut self, bucket: Resource<OpenBucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<OpenBucket>, key: String, delta: u64) -> Answer<u64> {
        let call = async |table: &mut ResourceTable| {
            let open = table.get(&bucket)?;
            let sum = open.backend.update(&open.bucket, checked_key(&key)?, incremented(delta)).await?;
            let number = std::str::from_utf8(&sum).ok().and_then(|text| text.parse().ok());
            number.map_or_else(|| refuse("the backend answered something else than the sum"), Ok)
        };
        self.watch(function::INCREMENT, call).await
    }
}

impl batch::Host for View<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<OpenBucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        self.watch(function::GET_MANY, async |table| table.get(&bucket)?.get_many(keys).await).await
    }

    async fn set_many(&mut self, bucket: Resource<OpenBucket>, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        self.watch(function::SET_MANY, async |table| table.get(&bucket)?.set_many(entries).await).await
    }

    async fn delete_many(&mut self, bucket: Resource<OpenBucket>, keys: Vec<String>) -> Answer<()> {
        self.watch(function::DELETE_MANY, async |table| table.get(&bucket)?.delete_many(keys).await).await
    }
}
