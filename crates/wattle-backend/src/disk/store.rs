//! Keys and values on disk: rows whose values are the entries.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use wattle_spec::quota::Quota;

use super::batch::{Batch, Failure};
use super::cache::Row;
use super::counted::Place;
use super::data_dir::{DataDir, STATE};
use super::options::DiskOptions;
use super::rows::Rows;
use super::table_key;
use crate::backend::Backend;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::key_value::{Change, Entry, KeyValue, Page, Put, Swap, Version};
use crate::lifetime::Moment;
use crate::limits;
use crate::quota::Quotas;

/// A [`KeyValue`] in the file `state.redb` of a data directory.
///
/// A write is acknowledged when the disk has confirmed it. Dropping the store does what [`close`](Self::close) does.
pub struct DiskKeyValue {
    rows: Arc<Rows>,
    quotas: Quotas,
}

impl DiskKeyValue {
    /// Opens the keys and values of a data directory, which has none at first. Blocks while it reads the file.
    pub fn open(dir: Arc<DataDir>, options: DiskOptions) -> Result<Self, BackendError> {
        Ok(Self { rows: Arc::new(Rows::open(dir, STATE, options)?), quotas: Quotas::default() })
    }

    /// Ends the store: what waits to be written is written, later operations fail with
    /// [`Closed`](BackendError::Closed). Blocks until the file is closed: not to be called on a thread that serves
    /// requests.
    pub fn close(&self) {
        self.rows.close();
    }

    fn place(&self, bucket: &Bucket, key: &str) -> Result<Place, BackendError> {
        Ok(Place { row: row(bucket, key)?, quota: self.quotas.of(&bucket.owner) })
    }

    /// Where a value is written, if it is small enough, and when it ends.
    fn place_to_write(&self, bucket: &Bucket, key: &str, put: &Put) -> Result<(Place, Option<Moment>), BackendError> {
        limits::checked(Part::Value, put.value.len())?;
        Ok((self.place(bucket, key)?, put.lifetime.map(Moment::after)))
    }

    /// A write of `work` that holds `bytes` while it waits.
    fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Fn(&mut Batch<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>> {
        let rows = self.rows.clone();
        async move { rows.write(bytes, work).await }.boxed()
    }
}

impl Drop for DiskKeyValue {
    fn drop(&mut self) {
        self.close();
    }
}

fn row(bucket: &Bucket, key: &str) -> Result<Row, BackendError> {
    table_key::row(bucket, key).map(Row::from)
}

fn failed<T: Send + 'static>(error: BackendError) -> BoxFuture<'static, Result<T, BackendError>> {
    futures::future::ready(Err(error)).boxed()
}

impl Backend for DiskKeyValue {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.write(0, |batch| batch.touch())
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
        let (rows, prefix, after) = (self.rows.clone(), table_key::owner(owner), after.map(str::to_owned));
        async move { rows.read(move |view| view.names(&prefix, after.as_deref(), limit)).await }.boxed()
    }
}

impl KeyValue for DiskKeyValue {
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>> {
        match row(bucket, key) {
            Ok(row) => {
                let rows = self.rows.clone();
                async move { rows.get(row).await }.boxed()
            }
            Err(error) => failed(error),
        }
    }

    fn as_put(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Put>, BackendError>> {
        match row(bucket, key) {
            Ok(row) => {
                let rows = self.rows.clone();
                async move { Ok(rows.kept(row).await?.map(|kept| kept.to_put())) }.boxed()
            }
            Err(error) => failed(error),
        }
    }

    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> BoxFuture<'static, Result<Version, BackendError>> {
        match self.place_to_write(bucket, key, &put) {
            Ok((place, ends)) => self.write(put.value.len(), move |batch| place.set(batch, &put.value, ends)),
            Err(error) => failed(error),
        }
    }

    fn delete(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        match self.place(bucket, key) {
            Ok(place) => self.write(0, move |batch| place.delete(batch)),
            Err(error) => failed(error),
        }
    }

    fn list(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let prefix = match table_key::prefix(bucket) {
            Ok(prefix) => prefix,
            Err(error) => return failed(error),
        };
        let (rows, after) = (self.rows.clone(), after.map(str::to_owned));
        async move { rows.read(move |view| view.page(&prefix, after.as_deref(), limit)).await }.boxed()
    }

    fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        put: Put,
    ) -> BoxFuture<'static, Result<Swap, BackendError>> {
        match self.place_to_write(bucket, key, &put) {
            Ok((place, ends)) => {
                self.write(put.value.len(), move |batch| place.swap(batch, expected, &put.value, ends))
            }
            Err(error) => failed(error),
        }
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>> {
        match self.place(bucket, key) {
            Ok(place) => self.write(0, move |batch| place.update(batch, &change)),
            Err(error) => failed(error),
        }
    }
}
