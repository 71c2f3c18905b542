//! A lease as the backend that it is of: each call goes through, until the lease has ended. A content that streams then
//! fails where it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use futures::stream::{self, StreamExt};
use wattle_backend::backend::Backend;
use wattle_backend::blobs::Content;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::bus::{Bus, Deliveries, GroupId, Message, Subscription};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{Change, Entry, KeyValue, Page, Put, Swap, Version};
use wattle_backend::secrets::{Secret, Secrets};
use wattle_backend::stores::Stores;
use wattle_spec::quota::Quota;

use super::lease::{End, Lease};

/// What comes of a call.
type Outcome<T> = BoxFuture<'static, Result<T, BackendError>>;

impl Lease {
    /// A call through one of the ways in which the backend can be used.
    fn call<S: ?Sized, T: Send + 'static>(
        &self,
        way: impl FnOnce(&Stores) -> &Option<Arc<S>>,
        call: impl FnOnce(&Arc<S>) -> Outcome<T>,
    ) -> Outcome<T> {
        match self.opened.load().as_deref().and_then(|opened| way(&opened.stores).as_ref()) {
            Some(store) => call(store),
            None => ready(Err(self.end.refused())).boxed(),
        }
    }

    fn keys<T: Send + 'static>(&self, call: impl FnOnce(&Arc<dyn KeyValue>) -> Outcome<T>) -> Outcome<T> {
        self.call(|stores| &stores.key_value, call)
    }

    fn bus<T: Send + 'static>(&self, call: impl FnOnce(&Arc<dyn Bus>) -> Outcome<T>) -> Outcome<T> {
        self.call(|stores| &stores.bus, call)
    }
}

impl Backend for Lease {
    fn check(&self) -> Outcome<()> {
        match &*self.opened.load() {
            Some(opened) => {
                let stores = opened.stores.clone();
                async move { stores.check().await }.boxed()
            }
            None => ready(Err(self.end.refused())).boxed(),
        }
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        if let Some(opened) = &*self.opened.load() {
            opened.stores.limit(owner, quota);
        }
    }
}

impl KeyValue for Lease {
    fn get(&self, bucket: &Bucket, key: &str) -> Outcome<Option<Entry>> {
        self.keys(|store| store.get(bucket, key))
    }

    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> Outcome<Version> {
        self.keys(|store| store.set(bucket, key, put))
    }

    fn delete(&self, bucket: &Bucket, key: &str) -> Outcome<()> {
        self.keys(|store| store.delete(bucket, key))
    }

    fn list(&self, bucket: &Bucket, after: Option<&str>, limit: usize) -> Outcome<Page> {
        self.keys(|store| store.list(bucket, after, limit))
    }

    fn as_put(&self, bucket: &Bucket, key: &str) -> Outcome<Option<Put>> {
        self.keys(|store| store.as_put(bucket, key))
    }

    fn swap(&self, bucket: &Bucket, key: &str, expected: Option<Version>, put: Put) -> Outcome<Swap> {
        self.keys(|store| store.swap(bucket, key, expected, put))
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> Outcome<Bytes> {
        self.keys(|store| store.update(bucket, key, change))
    }
}

impl Lease {
    /// What `work` comes to, unless the lease ends before.
    pub(crate) async fn until_end<T>(
        &self,
        work: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.end.come() => Err(self.end.refused()),
        }
    }

    /// The same content, which fails when the lease ends.
    pub(crate) fn cut(&self, content: Content) -> Content {
        cut(content, self.end.clone())
    }
}

/// The same content, which fails at `end`.
fn cut(content: Content, end: Arc<End>) -> Content {
    let next = async |rest: Option<(Content, Arc<End>)>| {
        let (mut content, end) = rest?;
        tokio::select! {
            biased;
            () = end.come() => Some((Err(end.refused()), None)),
            piece = content.next() => Some((piece?, Some((content, end)))),
        }
    };
    stream::unfold(Some((content, end)), next).boxed()
}

/// What is delivered goes on until whoever subscribed ends it.
impl Bus for Lease {
    fn publish(&self, owner: &Owner, message: Message) -> Outcome<()> {
        self.bus(|bus| bus.publish(owner, message))
    }

    fn request(&self, owner: &Owner, message: Message, patience: Duration) -> Outcome<Message> {
        self.bus(|bus| bus.request(owner, message, patience))
    }

    fn subscribe(&self, subscription: Subscription) -> Outcome<Deliveries> {
        self.bus(|bus| bus.subscribe(subscription))
    }

    fn keeps(&self) -> bool {
        let opened = self.opened.load();
        opened.as_deref().and_then(|opened| opened.stores.bus.as_deref()).is_some_and(Bus::keeps)
    }

    fn settled(&self) -> Outcome<()> {
        self.bus(|bus| bus.settled())
    }

    fn groups(&self, owner: &Owner) -> Outcome<Vec<GroupId>> {
        self.bus(|bus| bus.groups(owner))
    }

    fn forget(&self, owner: &Owner, group: &GroupId) -> Outcome<()> {
        self.bus(|bus| bus.forget(owner, group))
    }
}

impl Secrets for Lease {
    fn get(&self, owner: &Owner, name: &str) -> Outcome<Option<Secret>> {
        self.call(|stores| &stores.secrets, |secrets| secrets.get(owner, name))
    }

    fn place(&self, owner: &Owner, name: &str) -> String {
        let opened = self.opened.load();
        let place = opened.as_deref().and_then(|opened| Some(opened.stores.secrets.as_ref()?.place(owner, name)));
        place.unwrap_or_else(|| format!("the backend {}", self.term.backend))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use wattle_backend::memory::MemoryKeyValue;
    use wattle_spec::resolve::State;

    use super::super::{Opened, Term};
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("make a runtime").block_on(work)
    }

    fn lease() -> Arc<Lease> {
        let stores = Stores { key_value: Some(Arc::new(MemoryKeyValue::default())), ..Stores::default() };
        let backend = "memory".parse().expect("a name");
        let term = Term { state: State::Blobs, package: "wasi:blobstore".into(), label: None, backend };
        Lease::new(Arc::new(Opened::new(stores)), term)
    }

    /// What is held when it ends fails, is told once, and holds the backend no longer.
    #[test]
    fn ends() {
        let (lease, told) = (lease(), Arc::new(AtomicUsize::new(0)));
        let bucket = Bucket { owner: Owner::Shared, name: "a".into() };
        let stores = lease.stores();
        let keys = stores.key_value.expect("it has keys");
        assert!(stores.bus.is_none() && stores.secrets.is_none());
        block_on(keys.set(&bucket, "key", Bytes::from_static(b"x").into())).expect("write a key");
        let content = lease.cut(stream::iter([Ok(Bytes::from_static(b"content"))]).boxed());
        let endless = lease.until_end(std::future::pending::<Result<(), _>>());
        let (counted, backend) = (told.clone(), Arc::downgrade(lease.opened.load().as_ref().expect("it is open")));
        let tell = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        lease.retire().end(tell);
        assert!(backend.upgrade().is_none(), "it is closed");
        assert_eq!(told.load(Ordering::Relaxed), 0, "nothing has failed yet");
        block_on(async {
            let closed = |error| assert!(matches!(error, BackendError::Closed), "{error}");
            closed(content.collect::<Vec<_>>().await.remove(0).expect_err("the content is cut"));
            closed(endless.await.expect_err("the work is cut"));
            closed(keys.get(&bucket, "key").await.expect_err("no key"));
            closed(lease.key_value().err().expect("nothing is kept"));
            closed(lease.check().await.expect_err("no answer"));
        });
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
