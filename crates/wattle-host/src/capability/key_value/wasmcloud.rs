//! `wasmcloud:keyvalue@0.2.0`: the same with `async` functions, lifetimes and prefixes.
//!
//! Calls of one instance run at the same time: each takes the bucket out of the store's table and gives the store back
//! before it waits.

use std::time::Duration;

use wasmtime::component::{Accessor, LinkerInstance, Resource};
use wattle_backend::error::BackendError;

use super::fault::{Answer, Failure, Fault};
use super::increment::SIGNED;
use super::link::{HasStore, VIEWS, View};
use super::open_bucket::OpenBucket;
use super::swap::{Current, Expected, Swapped};
use crate::capability::Via;
use crate::capability::bindings::named_imports::wasmcloud::keyvalue::store;
use crate::capability::bindings::wasmcloud::keyvalue::{atomics, batch, cas, types};
use crate::capability::operation::Namespace;
use crate::instance::Guest;

pub(super) const STORE: &str = "wasmcloud:keyvalue/store@0.2.0";
pub(super) const TYPES: &str = "wasmcloud:keyvalue/types@0.2.0";
pub(super) const ATOMICS: &str = "wasmcloud:keyvalue/atomics@0.2.0";
pub(super) const CAS: &str = "wasmcloud:keyvalue/cas@0.2.0";
pub(super) const BATCH: &str = "wasmcloud:keyvalue/batch@0.2.0";
pub(super) const INTERFACES: [&str; 5] = [TYPES, STORE, ATOMICS, CAS, BATCH];
const NAMESPACE: Namespace = Namespace::WasmCloud;

/// Joins an import of `types`.
pub(super) fn join_types(types: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    types::add_to_linker_instance::<Guest, HasStore>(types, via.of(VIEWS))
}

/// Joins an import of `atomics`.
pub(super) fn join_atomics(atomics: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    atomics::add_to_linker_instance::<Guest, HasStore>(atomics, via.of(VIEWS))
}

/// Joins an import of `cas`.
pub(super) fn join_cas(cas: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    cas::add_to_linker_instance::<Guest, HasStore>(cas, via.of(VIEWS))
}

/// Joins an import of `batch`.
pub(super) fn join_batch(batch: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    batch::add_to_linker_instance::<Guest, HasStore>(batch, via.of(VIEWS))
}

/// Joins an import of `store`.
pub(super) fn join(store: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    store::add_to_linker_instance::<Guest, HasStore>(store, via, view)
}

impl From<Fault> for types::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoSuchStore => types::Error::NoSuchStore,
            Fault::AccessDenied => types::Error::AccessDenied,
            Fault::Senseless(_) => types::Error::InvalidArgument,
            Fault::Exists => types::Error::PreconditionFailed,
            Fault::Backend(BackendError::TimedOut { .. }) => types::Error::Timeout,
            Fault::Backend(BackendError::Unavailable { .. } | BackendError::Closed) => types::Error::StoreUnavailable,
            Fault::Backend(BackendError::Quota { .. } | BackendError::Full { .. }) => types::Error::QuotaExceeded,
            Fault::Refused(_) | Fault::Backend(_) => types::Error::Other(fault.told()),
        }
    }
}

/// The bucket behind a handle, to be used while the store serves others.
fn taken<T>(accessor: &Accessor<T, HasStore>, bucket: &Resource<OpenBucket>) -> Answer<OpenBucket> {
    accessor.with(|mut access| Ok(access.get().table.get(bucket)?.clone()))
}

impl types::Host for View<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<types::Error> {
        failure.into_error()
    }
}

impl types::HostBucket for View<'_> {
    fn drop(&mut self, bucket: Resource<OpenBucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl<T: Send> types::HostBucketWithStore<T> for HasStore {
    async fn get(accessor: &Accessor<T, Self>, bucket: Resource<OpenBucket>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(taken(accessor, &bucket)?.get(&key).await?.map(Vec::from))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        key: String,
        value: Vec<u8>,
        options: Option<types::SetOptions>,
    ) -> Answer<()> {
        let bucket = taken(accessor, &bucket)?;
        let lifetime = options.as_ref().and_then(|options| options.ttl_ms).map(Duration::from_millis);
        if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            return Err(Failure::Guest(Fault::Senseless("an entry is there for a millisecond at least")));
        }
        match options.is_some_and(|options| options.if_not_exists) {
            true => bucket.create(&key, value, lifetime).await,
            false => bucket.set(&key, value, lifetime).await,
        }
    }

    async fn delete(accessor: &Accessor<T, Self>, bucket: Resource<OpenBucket>, key: String) -> Answer<()> {
        taken(accessor, &bucket)?.delete(&key).await
    }

    async fn exists(accessor: &Accessor<T, Self>, bucket: Resource<OpenBucket>, key: String) -> Answer<bool> {
        taken(accessor, &bucket)?.exists(&key).await
    }

    async fn list_keys(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        prefix: Option<String>,
        cursor: Option<String>,
    ) -> Answer<types::KeyResponse> {
        let bucket = taken(accessor, &bucket)?;
        let page = bucket.list(prefix.as_deref().unwrap_or_default(), cursor.as_deref()).await?;
        Ok(types::KeyResponse { keys: page.keys, cursor: page.next })
    }
}

impl store::Host for View<'_> {}

impl<T: Send> store::HostWithStore<T> for HasStore {
    async fn open(accessor: &Accessor<T, Self>, via: Via, name: String) -> Answer<Resource<OpenBucket>> {
        accessor.with(|mut access| {
            let view = access.get();
            Ok(view.table.push(view.open(NAMESPACE, &via, &name)?)?)
        })
    }
}

impl atomics::Host for View<'_> {}

impl<T: Send> atomics::HostWithStore<T> for HasStore {
    async fn increment(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64> {
        taken(accessor, &bucket)?.increment(&key, delta.into(), SIGNED).await
    }
}

fn told_entry(current: Current) -> cas::Entry {
    cas::Entry { value: current.value.into(), version: current.seen.to_string() }
}

impl cas::Host for View<'_> {}

impl<T: Send> cas::HostWithStore<T> for HasStore {
    async fn current(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        key: String,
    ) -> Answer<Option<cas::Entry>> {
        Ok(taken(accessor, &bucket)?.current(&key).await?.map(told_entry))
    }

    async fn swap(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        key: String,
        value: Vec<u8>,
        options: cas::CasOptions,
    ) -> Answer<cas::CasResult> {
        let expected = Expected { version: options.require_version, value: options.require_value };
        Ok(match taken(accessor, &bucket)?.swap_expected(&key, value, &expected).await? {
            Swapped::Done => cas::CasResult::Swapped,
            Swapped::Conflict(found) => cas::CasResult::Stale(found.map(told_entry)),
        })
    }
}

impl batch::Host for View<'_> {}

impl<T: Send> batch::HostWithStore<T> for HasStore {
    async fn get_many(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        taken(accessor, &bucket)?.get_many(keys).await
    }

    async fn set_many(
        accessor: &Accessor<T, Self>,
        bucket: Resource<OpenBucket>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        taken(accessor, &bucket)?.set_many(entries).await
    }

    async fn delete_many(accessor: &Accessor<T, Self>, bucket: Resource<OpenBucket>, keys: Vec<String>) -> Answer<()> {
        taken(accessor, &bucket)?.delete_many(keys).await
    }
}
