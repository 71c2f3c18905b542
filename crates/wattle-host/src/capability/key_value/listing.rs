//! Pages of keys, in the order of their bytes.

use wattle_backend::key_value::Page;

use super::fault::{Answer, refuse};
use super::open_bucket::{OpenBucket, checked_key};
use super::operation::LIST_KEYS;

/// Keys in one page.
pub(super) const PAGE_LEN: usize = 1000;

impl OpenBucket {
    /// At most `limit` keys after `after`.
    pub(super) async fn page(&self, after: Option<&str>, limit: usize) -> Answer<Page> {
        let call = self.call().await?;
        Ok(call.store().list(&call.bucket, after, limit).await?)
    }

    /// The keys that begin with `prefix` (empty: all), after `cursor`: the last key of the page before.
    pub(super) async fn list(&self, prefix: &str, cursor: Option<&str>) -> Answer<Page> {
        self.caller.watch(LIST_KEYS, self.list_after(prefix, cursor)).await
    }

    async fn list_after(&self, prefix: &str, cursor: Option<&str>) -> Answer<Page> {
        let is_cursor = |cursor: &str| checked_key(cursor).is_ok();
        if !cursor.is_none_or(is_cursor) || !(prefix.is_empty() || is_cursor(prefix)) {
            return refuse("the cursor or the prefix is none that a key could have");
        }
        if prefix.is_empty() {
            return self.page(cursor, PAGE_LEN).await;
        }
        // A list begins after a key, and the prefix itself may be one.
        let (after, first) = match cursor {
            Some(cursor) if cursor >= prefix => (cursor, None),
            _ => (prefix, self.entry(prefix).await?.map(|_| prefix.to_owned())),
        };
        let Page { keys, next } = self.page(Some(after), PAGE_LEN - usize::from(first.is_some())).await?;
        let found = keys.len();
        let keys: Vec<_> = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        let next = next.filter(|_| keys.len() == found);
        Ok(Page { keys: first.into_iter().chain(keys).collect(), next })
    }
}
