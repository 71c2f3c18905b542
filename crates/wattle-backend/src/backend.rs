//! What every backend has in common.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wattle_spec::quota::Quota;

use crate::bucket::Owner;
use crate::error::BackendError;
use crate::key_value::Page;

/// Where state lives or messages go.
pub trait Backend: Send + Sync {
    /// Whether the backend can be reached and used now: written to, where it keeps something.
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>>;

    /// What `owner` may keep from now on, in all its buckets together: a write that would keep more fails with
    /// [`BackendError::Quota`]. What is there already stays. Without a call an owner may keep what there is room for. It
    /// does not wait. Where owners keep nothing for longer than it takes to deliver it, it does nothing.
    fn limit(&self, owner: &Owner, quota: Quota) {
        let _ = (owner, quota);
    }

    /// At most `limit` names (0 counts as 1) of the buckets, or containers, in which `owner` keeps something, those that come
    /// after `after` in byte order. `after` need not exist. Where nothing is kept under names, there are none.
    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let _ = (owner, after, limit);
        ready(Ok(Page::default())).boxed()
    }
}
