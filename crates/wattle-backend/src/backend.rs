//! What every backend has in common.

use futures::future::BoxFuture;
use wattle_spec::quota::Quota;

use crate::bucket::Owner;
use crate::error::BackendError;

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
}
