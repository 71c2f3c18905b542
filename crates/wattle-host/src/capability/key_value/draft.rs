//! `wasi:keyvalue@0.2.0-draft`: `store`, `atomics` and `batch`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::fault::{Answer, Failure, Fault, answered};
use super::increment::UNSIGNED;
use super::link::{HasStore, VIEWS, View};
use super::listing::PAGE_LEN;
use super::open_bucket::OpenBucket;
use super::operation::LIST_KEYS;
use crate::capability::Via;
use crate::capability::bindings::wasi::keyvalue0_2_0_draft::{atomics, batch, store};
use crate::capability::operation::Namespace;
use crate::instance::Guest;

pub(super) const STORE: &str = "wasi:keyvalue/store@0.2.0-draft";
pub(super) const ATOMICS: &str = "wasi:keyvalue/atomics@0.2.0-draft";
pub(super) const BATCH: &str = "wasi:keyvalue/batch@0.2.0-draft";
pub(super) const INTERFACES: [&str; 3] = [STORE, ATOMICS, BATCH];
const NAMESPACE: Namespace = Namespace::Wasi;

/// A bucket whose list is paged by numbers.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct PagedBucket {
    open: OpenBucket,
    /// Where the list that this guest is paging through goes on: how many keys were given out, and the last of them.
    listed: Option<(u64, String)>,
}

/// Joins an import of `atomics`.
pub(super) fn join_atomics(atomics: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    atomics::add_to_linker_instance::<Guest, HasStore>(atomics, via.of(VIEWS))
}

/// Joins an import of `batch`.
pub(super) fn join_batch(batch: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    batch::add_to_linker_instance::<Guest, HasStore>(batch, via.of(VIEWS))
}

/// Joins an import of `store`. One with a label opens buckets through its own link.
pub(super) fn join(store: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    store::add_to_linker_instance::<Guest, HasStore>(store, view)?;
    if via.label.is_none() {
        return Ok(());
    }
    store.func_wrap("open", move |mut caller: StoreContextMut<'_, Guest>, (name,): (String,)| {
        let mut view = view(caller.data_mut());
        let opened = view.open(NAMESPACE, &via, &name).and_then(|open| view.push(open));
        Ok((answered::<_, store::Error>(opened)?,))
    })
}

impl From<Fault> for store::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoSuchStore => store::Error::NoSuchStore,
            Fault::AccessDenied => store::Error::AccessDenied,
            other => store::Error::Other(other.told()),
        }
    }
}

impl PagedBucket {
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
                let page = self.open.page(after.as_deref(), step).await?;
                skip -= page.keys.len() as u64;
                if skip > 0 && page.next.is_none() {
                    return Ok(store::KeyResponse { keys: Vec::new(), cursor: None });
                }
                after = page.keys.last().cloned().or(after);
            }
        }
        let page = self.open.page(after.as_deref(), PAGE_LEN).await?;
        let count = before + page.keys.len() as u64;
        self.listed = page.keys.last().map(|key| (count, key.clone()));
        let cursor = page.next.is_some().then_some(count);
        Ok(store::KeyResponse { keys: page.keys, cursor })
    }
}

impl View<'_> {
    fn push(&mut self, open: OpenBucket) -> Answer<Resource<PagedBucket>> {
        Ok(self.table.push(PagedBucket { open, listed: None })?)
    }

    fn paged(&self, bucket: &Resource<PagedBucket>) -> Answer<&OpenBucket> {
        Ok(&self.table.get(bucket)?.open)
    }
}

impl store::Host for View<'_> {
    async fn open(&mut self, name: String) -> Answer<Resource<PagedBucket>> {
        let open = View::open(self, NAMESPACE, &Via::PLAIN, &name)?;
        self.push(open)
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<store::Error> {
        failure.into_error()
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<PagedBucket>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.paged(&bucket)?.get(&key).await?.map(Vec::from))
    }

    async fn set(&mut self, bucket: Resource<PagedBucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.paged(&bucket)?.set(&key, value, None).await
    }

    async fn delete(&mut self, bucket: Resource<PagedBucket>, key: String) -> Answer<()> {
        self.paged(&bucket)?.delete(&key).await
    }

    async fn exists(&mut self, bucket: Resource<PagedBucket>, key: String) -> Answer<bool> {
        self.paged(&bucket)?.exists(&key).await
    }

    async fn list_keys(&mut self, bucket: Resource<PagedBucket>, cursor: Option<u64>) -> Answer<store::KeyResponse> {
        let paged = self.table.get_mut(&bucket)?;
        let caller = paged.open.caller.clone();
        caller.watch(LIST_KEYS, paged.list(cursor)).await
    }

    async fn drop(&mut self, bucket: Resource<PagedBucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<PagedBucket>, key: String, delta: u64) -> Answer<u64> {
        Ok(self.paged(&bucket)?.increment(&key, delta.into(), UNSIGNED).await?.unsigned_abs())
    }
}

impl batch::Host for View<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<PagedBucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        self.paged(&bucket)?.get_many(keys).await
    }

    async fn set_many(&mut self, bucket: Resource<PagedBucket>, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        self.paged(&bucket)?.set_many(entries).await
    }

    async fn delete_many(&mut self, bucket: Resource<PagedBucket>, keys: Vec<String>) -> Answer<()> {
        self.paged(&bucket)?.delete_many(keys).await
    }
}
