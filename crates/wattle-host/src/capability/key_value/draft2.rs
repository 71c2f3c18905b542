//! `wasi:keyvalue@0.2.0-draft2`: `store`, `atomics` with compare-and-swap, and `batch`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::fault::{Answer, Failure, Fault, answered};
use super::increment::SIGNED;
use super::link::{HasStore, VIEWS, View};
use super::open_bucket::OpenBucket;
use super::swap::{Seen, Swapped};
use crate::capability::Via;
use crate::capability::bindings::wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
use crate::capability::operation::Namespace;
use crate::instance::Guest;

pub(super) const STORE: &str = "wasi:keyvalue/store@0.2.0-draft2";
pub(super) const ATOMICS: &str = "wasi:keyvalue/atomics@0.2.0-draft2";
pub(super) const BATCH: &str = "wasi:keyvalue/batch@0.2.0-draft2";
pub(super) const INTERFACES: [&str; 3] = [STORE, ATOMICS, BATCH];
const NAMESPACE: Namespace = Namespace::Wasi;

/// A swap that a guest prepares: it is done if nobody writes the key after the guest has looked at it. It holds no
/// value, so that a guest cannot fill the memory of the host with many of them.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Cas {
    open: OpenBucket,
    key: String,
    /// What the guest saw last: when it made this, or when it asked for the value. `None`: nothing was there.
    seen: Option<Seen>,
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
        let view = view(caller.data_mut());
        let opened = view.open(NAMESPACE, &via, &name).and_then(|open| Ok(view.table.push(open)?));
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

impl store::Host for View<'_> {
    async fn open(&mut self, name: String) -> Answer<Resource<OpenBucket>> {
        Ok(self.table.push(View::open(self, NAMESPACE, &Via::PLAIN, &name)?)?)
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<store::Error> {
        failure.into_error()
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(self.table.get(&bucket)?.get(&key).await?.map(Vec::from))
    }

    async fn set(&mut self, bucket: Resource<OpenBucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.table.get(&bucket)?.set(&key, value, None).await
    }

    async fn delete(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<()> {
        self.table.get(&bucket)?.delete(&key).await
    }

    async fn exists(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<bool> {
        self.table.get(&bucket)?.exists(&key).await
    }

    async fn list_keys(&mut self, bucket: Resource<OpenBucket>, cursor: Option<String>) -> Answer<store::KeyResponse> {
        let page = self.table.get(&bucket)?.list("", cursor.as_deref()).await?;
        Ok(store::KeyResponse { keys: page.keys, cursor: page.next })
    }

    async fn drop(&mut self, bucket: Resource<OpenBucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl View<'_> {
    /// Does what was prepared. A conflict gives what to try again with.
    async fn swap_prepared(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Answer<Option<Resource<Cas>>> {
        let cas = self.table.delete(cas)?;
        match cas.open.swap(&cas.key, cas.seen.as_ref(), value).await? {
            Swapped::Done => Ok(None),
            Swapped::Conflict(now) => {
                let seen = now.map(|current| current.seen);
                Ok(Some(self.table.push(Cas { seen, ..cas })?))
            }
        }
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<OpenBucket>, key: String, delta: i64) -> Answer<i64> {
        self.table.get(&bucket)?.increment(&key, delta.into(), SIGNED).await
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> wasmtime::Result<Result<(), atomics::CasError>> {
        Ok(match self.swap_prepared(cas, value).await {
            Ok(None) => Ok(()),
            Ok(Some(again)) => Err(atomics::CasError::CasFailed(again)),
            Err(failure) => Err(atomics::CasError::StoreError(failure.into_error()?)),
        })
    }
}

impl atomics::HostCas for View<'_> {
    async fn new(&mut self, bucket: Resource<OpenBucket>, key: String) -> Answer<Resource<Cas>> {
        let open = self.table.get(&bucket)?.clone();
        let seen = open.current(&key).await?.map(|current| current.seen);
        Ok(self.table.push(Cas { open, key, seen })?)
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        let cas = self.table.get_mut(&cas)?;
        let found = cas.open.current(&cas.key).await?;
        cas.seen = found.as_ref().map(|current| current.seen.clone());
        Ok(found.map(|current| current.value.into()))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl batch::Host for View<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<OpenBucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        self.table.get(&bucket)?.get_many(keys).await
    }

    async fn set_many(&mut self, bucket: Resource<OpenBucket>, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        self.table.get(&bucket)?.set_many(entries).await
    }

    async fn delete_many(&mut self, bucket: Resource<OpenBucket>, keys: Vec<String>) -> Answer<()> {
        self.table.get(&bucket)?.delete_many(keys).await
    }
}
