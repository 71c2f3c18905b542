//! What can be carried from one backend to another, one name at a time: each is read back and compared.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use wattle_backend::backend::Backend;
use wattle_backend::blobs::{Blobs, Content};
use wattle_backend::bucket::Bucket;
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{KeyValue, Page};
use wattle_backend::limits::PAGE_MAX_OBJECTS;

use super::MoveError;
use crate::capability::keep::{Item, Side};

/// A kind of store whose contents can be carried to another one.
pub(super) trait Carry: Backend {
    /// The names in `bucket` after `after`; none, if it is not there.
    fn names(&self, bucket: &Bucket, after: Option<&str>) -> BoxFuture<'static, Result<Page, BackendError>>;

    /// Makes what is at `item` in `to` the same as in `from`. How many bytes that were. What was there a moment ago, and
    /// ends by itself, may have ended.
    fn carry<'a>(from: &'a Side<Self>, to: &'a Side<Self>, item: &'a Item) -> BoxFuture<'a, Result<u64, MoveError>>;

    /// Removes what is at `item`.
    fn remove<'a>(side: &'a Side<Self>, item: &'a Item) -> BoxFuture<'a, Result<(), BackendError>>;
}

impl Carry for dyn KeyValue {
    fn names(&self, bucket: &Bucket, after: Option<&str>) -> BoxFuture<'static, Result<Page, BackendError>> {
        self.list(bucket, after, PAGE_MAX_OBJECTS)
    }

    fn carry<'a>(from: &'a Side<Self>, to: &'a Side<Self>, item: &'a Item) -> BoxFuture<'a, Result<u64, MoveError>> {
        async move {
            // A bucket is there while something is in it.
            let (bucket, Some(key)) = item else { return Ok(0) };
            let (source, target) = (from.bucket(bucket), to.bucket(bucket));
            let Some(put) = from.store.as_put(&source, key).await.map_err(MoveError::Read)? else {
                return to.store.delete(&target, key).await.map(|()| 0).map_err(MoveError::Write);
            };
            let (value, ends) = (put.value.clone(), put.lifetime.is_some());
            to.store.set(&target, key, put).await.map_err(MoveError::Write)?;
            match to.store.get(&target, key).await.map_err(MoveError::Read)? {
                Some(entry) if entry.value == value => Ok(value.len() as u64),
                None if ends => Ok(0),
                _ => Err(MoveError::Differs),
            }
        }
        .boxed()
    }

    fn remove<'a>(side: &'a Side<Self>, (bucket, key): &'a Item) -> BoxFuture<'a, Result<(), BackendError>> {
        match key {
            Some(key) => side.store.delete(&side.bucket(bucket), key),
            None => std::future::ready(Ok(())).boxed(),
        }
    }
}

impl Carry for dyn Blobs {
    fn names(&self, bucket: &Bucket, after: Option<&str>) -> BoxFuture<'static, Result<Page, BackendError>> {
        let listed = self.list(bucket, after, PAGE_MAX_OBJECTS);
        async move {
            match listed.await {
                Ok(page) => {
                    Ok(Page { keys: page.objects.into_iter().map(|object| object.name).collect(), next: page.next })
                }
                Err(BackendError::NoContainer { .. }) => Ok(Page::default()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn carry<'a>(from: &'a Side<Self>, to: &'a Side<Self>, item: &'a Item) -> BoxFuture<'a, Result<u64, MoveError>> {
        async move {
            let (source, target) = (from.bucket(&item.0), to.bucket(&item.0));
            if from.store.container(&source).await.map_err(MoveError::Read)?.is_none() {
                return to.store.remove_container(&target).await.map(|()| 0).map_err(MoveError::Write);
            }
            to.store.create_container(&target).await.map_err(MoveError::Write)?;
            match &item.1 {
                Some(name) => object(from, to, (&source, &target), name).await,
                None => Ok(0),
            }
        }
        .boxed()
    }

    fn remove<'a>(side: &'a Side<Self>, (bucket, name): &'a Item) -> BoxFuture<'a, Result<(), BackendError>> {
        match name {
            // With its container.
            Some(_) => std::future::ready(Ok(())).boxed(),
            None => side.store.remove_container(&side.bucket(bucket)),
        }
    }
}

/// Makes an object the same in two containers, piece by piece.
async fn object(
    from: &Side<dyn Blobs>,
    to: &Side<dyn Blobs>,
    (source, target): (&Bucket, &Bucket),
    name: &str,
) -> Result<u64, MoveError> {
    let found = match from.store.read(source, name, 0..u64::MAX).await {
        Err(BackendError::NoContainer { .. }) => None,
        found => found.map_err(MoveError::Read)?,
    };
    let Some(found) = found else {
        return to.store.remove(target, name).await.map(|()| 0).map_err(MoveError::Write);
    };
    let (told, hashed) = tokio::sync::oneshot::channel();
    let content = hashed_on_the_way(found.content, told);
    let written = to.store.write(target, name, content).await.map_err(MoveError::Write)?;
    let expected = hashed.await.map_err(|_| MoveError::Differs)?;
    let back = to.store.read(target, name, 0..u64::MAX).await.map_err(MoveError::Read)?.ok_or(MoveError::Differs)?;
    let hash = async |hasher: Sha256, piece: bytes::Bytes| Ok(hasher.chain_update(&piece));
    let back = back.content.try_fold(Sha256::new(), hash).await.map_err(MoveError::Read)?;
    match *back.finalize() == expected {
        true => Ok(written.size),
        false => Err(MoveError::Differs),
    }
}

/// The same content; its digest is told at its end.
fn hashed_on_the_way(content: Content, told: tokio::sync::oneshot::Sender<[u8; 32]>) -> Content {
    let begin = (content, Sha256::new(), Some(told));
    futures::stream::try_unfold(begin, async |(mut content, hasher, mut told)| match content.try_next().await? {
        Some(piece) => {
            let hasher = hasher.chain_update(&piece);
            Ok(Some((piece, (content, hasher, told))))
        }
        None => {
            if let Some(told) = told.take() {
                // Whoever asked may be gone.
                let _ = told.send(hasher.finalize().into());
            }
            Ok(None)
        }
    })
    .boxed()
}
