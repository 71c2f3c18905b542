//! Carries everything that an app keeps in one backend to another, while the app goes on, and tells how far it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, TryStreamExt};
use wattle_backend::error::BackendError;

use super::MoveError;
use super::carry::Carry;
use super::progress::Progress;
use crate::capability::keep::{Item, NOTED_MAX, Noted, Side};

/// How many names are carried at a time. The values of so many are in memory.
const AT_ONCE: usize = 8;
/// Changes that may be left for the end, when calls wait.
const LAST_MAX: usize = 200;
/// How often changes are carried while the app goes on making more.
const ROUNDS: usize = 20;
/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// Buckets that are asked for at a time.
const PAGE_LEN: usize = 1000;

/// Carries from one side to the other.
pub(super) struct Carrier<S: ?Sized> {
    pub(super) progress: Arc<Progress>,
    pub(super) from: Side<S>,
    pub(super) to: Side<S>,
}

impl<S: Carry + ?Sized> Carrier<S> {
    /// Carries everything, and then what `noted` says that changed meanwhile, until little is left: that, and what is found
    /// to be on one side alone.
    pub(super) async fn all(&self, noted: &Noted) -> Result<BTreeSet<Item>, MoveError> {
        let work = async {
            for bucket in buckets(&self.from).await.map_err(MoveError::Read)? {
                self.bucket(&bucket).await?;
            }
            let mut left = self.differing().await?;
            for _ in 0..ROUNDS {
                left.extend(noted.take().ok_or(MoveError::Changing(NOTED_MAX))?);
                few(left.len())?;
                if left.len() <= LAST_MAX {
                    break;
                }
                self.items(std::mem::take(&mut left)).await?;
            }
            Ok(left)
        };
        let tell = async {
            loop {
                tokio::time::sleep(TOLD_EVERY).await;
                self.progress.log();
            }
        };
        tokio::select! {
            done = work => done,
            () = tell => unreachable!("invariant: it never ends"),
        }
    }

    /// Carries `items`, and all of each container that is among them as a whole.
    pub(super) async fn items(&self, items: BTreeSet<Item>) -> Result<(), MoveError> {
        let (whole, single): (Vec<_>, Vec<_>) = items.into_iter().partition(|(_, name)| name.is_none());
        for (bucket, _) in whole {
            self.bucket(&bucket).await?;
            let left = self.differing_in(&bucket).await?;
            few(left.len())?;
            self.each(left.into_iter().map(|name| (bucket.clone(), Some(name)))).await?;
        }
        self.each(single).await
    }

    /// Carries the bucket `name` with all that is in it.
    async fn bucket(&self, name: &str) -> Result<(), MoveError> {
        self.each([(name.to_owned(), None)]).await?;
        let mut after = None;
        loop {
            let page =
                self.from.store.names(&self.from.bucket(name), after.as_deref()).await.map_err(MoveError::Read)?;
            self.each(page.keys.into_iter().map(|key| (name.to_owned(), Some(key)))).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn each(&self, items: impl IntoIterator<Item = Item>) -> Result<(), MoveError> {
        let items = stream::iter(items.into_iter().map(Ok));
        items
            .try_for_each_concurrent(AT_ONCE, async |item| {
                let bytes = S::carry(&self.from, &self.to, &item).await?;
                self.progress.add(u64::from(item.1.is_some()), bytes);
                Ok(())
            })
            .await
    }

    /// What is on one side alone.
    async fn differing(&self) -> Result<BTreeSet<Item>, MoveError> {
        let mut names = buckets(&self.from).await.map_err(MoveError::Read)?;
        names.extend(buckets(&self.to).await.map_err(MoveError::Read)?);
        let mut differing = BTreeSet::new();
        for bucket in names {
            differing.extend(self.differing_in(&bucket).await?.into_iter().map(|name| (bucket.clone(), Some(name))));
            few(differing.len())?;
        }
        Ok(differing)
    }

    /// The names of one bucket that are on one side alone.
    async fn differing_in(&self, bucket: &str) -> Result<BTreeSet<String>, MoveError> {
        let (mut ours, mut theirs) = (Names::of(&self.from, bucket), Names::of(&self.to, bucket));
        let mut differing = BTreeSet::new();
        let (mut one, mut other) = (ours.next().await?, theirs.next().await?);
        while differing.len() <= NOTED_MAX {
            let order = match (&one, &other) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(one), Some(other)) => one.cmp(other),
            };
            if order.is_lt() {
                differing.extend(one.take());
            } else if order.is_gt() {
                differing.extend(other.take());
            }
            if order.is_le() {
                one = ours.next().await?;
            }
            if order.is_ge() {
                other = theirs.next().await?;
            }
        }
        Ok(differing)
    }
}

/// Refuses more names than are known at a time.
fn few(names: usize) -> Result<(), MoveError> {
    if names > NOTED_MAX { Err(MoveError::Changing(NOTED_MAX)) } else { Ok(()) }
}

/// The names in one bucket, in byte order.
struct Names<'a, S: ?Sized> {
    side: &'a Side<S>,
    bucket: &'a str,
    page: std::vec::IntoIter<String>,
    after: Option<String>,
    ended: bool,
}

impl<'a, S: Carry + ?Sized> Names<'a, S> {
    fn of(side: &'a Side<S>, bucket: &'a str) -> Self {
        Self { side, bucket, page: Vec::new().into_iter(), after: None, ended: false }
    }

    async fn next(&mut self) -> Result<Option<String>, MoveError> {
        loop {
            if let Some(name) = self.page.next() {
                return Ok(Some(name));
            }
            if self.ended {
                return Ok(None);
            }
            let page = self.side.store.names(&self.side.bucket(self.bucket), self.after.as_deref()).await;
            let page = page.map_err(MoveError::Read)?;
            self.ended = page.next.is_none();
            (self.after, self.page) = (page.next, page.keys.into_iter());
        }
    }
}

/// The buckets that guests have in `side`, as they call them.
pub(super) async fn buckets<S: Carry + ?Sized>(side: &Side<S>) -> Result<BTreeSet<String>, BackendError> {
    let (mut all, mut after) = (BTreeSet::new(), None);
    loop {
        let page = side.store.buckets(&side.owner, after.as_deref(), PAGE_LEN).await?;
        all.extend(page.keys.iter().filter_map(|name| side.name_of(name)).map(str::to_owned));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Removes all that guests have in `side`.
pub(super) async fn clear<S: Carry + ?Sized>(side: &Side<S>) -> Result<(), BackendError> {
    for bucket in buckets(side).await? {
        let mut names = Names::of(side, &bucket);
        let of_bucket = |error| match error {
            MoveError::Read(error) | MoveError::Write(error) => error,
            _ => BackendError::Unfinished,
        };
        while let Some(name) = names.next().await.map_err(of_bucket)? {
            S::remove(side, &(bucket.clone(), Some(name))).await?;
        }
        S::remove(side, &(bucket, None)).await?;
    }
    Ok(())
}
