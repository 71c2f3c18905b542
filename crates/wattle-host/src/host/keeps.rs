//! What each app keeps in each backend, one for all of its links that lead there: who moves it, moves it for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wattle_backend::blobs::Blobs;
use wattle_backend::key_value::KeyValue;
use wattle_spec::name::{AppId, BackendName};

use crate::capability::keep::{Keep, Side};

/// What is kept of all kinds that can be moved.
#[derive(Default)]
pub(super) struct Keeps {
    pub(super) key_value: KeepsOf<dyn KeyValue>,
    pub(super) blobs: KeepsOf<dyn Blobs>,
}

/// What is kept of one kind.
pub(super) struct KeepsOf<S: ?Sized>(Mutex<BTreeMap<Key, Weak<Keep<S>>>>);

/// Whose, and in which backend.
type Key = (AppId, BackendName);

impl<S: ?Sized> Default for KeepsOf<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: ?Sized> KeepsOf<S> {
    /// What `app` keeps in `side`.
    pub(super) fn of(&self, app: &AppId, side: Side<S>) -> Arc<Keep<S>> {
        let key = (app.clone(), side.backend.clone());
        let mut known = self.lock();
        let found = known.get(&key).and_then(Weak::upgrade);
        // What is moved there is found there before it is.
        if let Some(found) = found {
            let now = found.side();
            let is_same = Arc::ptr_eq(&now.store, &side.store) && now.owner == side.owner;
            if is_same || now.backend != side.backend {
                return found;
            }
        }
        known.retain(|_, keep| keep.strong_count() > 0);
        let keep = Arc::new(Keep::new(side));
        known.insert(key, Arc::downgrade(&keep));
        keep
    }

    /// Has what `app` keeps in `from` be found in `to`, too, until the value is dropped; or, if it was moved by then, there
    /// alone. `None`: somebody uses what is in `to`.
    pub(super) fn lead<'a>(&'a self, app: &AppId, from: &BackendName, to: &BackendName) -> Option<Leading<'a, S>> {
        let [from, to] = [from, to].map(|backend| (app.clone(), backend.clone()));
        let mut known = self.lock();
        if known.get(&to).is_some_and(|keep| keep.strong_count() > 0) {
            return None;
        }
        let keep = known.get(&from)?.upgrade()?;
        known.insert(to.clone(), Arc::downgrade(&keep));
        drop(known);
        Some(Leading { keeps: self, keep, from, to, is_moved: false })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Weak<Keep<S>>>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept in one backend and is on its way to another.
pub(super) struct Leading<'a, S: ?Sized> {
    keeps: &'a KeepsOf<S>,
    pub(super) keep: Arc<Keep<S>>,
    from: Key,
    to: Key,
    is_moved: bool,
}

impl<S: ?Sized> Leading<'_, S> {
    /// It is in `side` from now on.
    pub(super) fn moved(mut self, side: Side<S>) {
        self.keep.open(Some(side));
        self.is_moved = true;
    }
}

impl<S: ?Sized> Drop for Leading<'_, S> {
    fn drop(&mut self) {
        let gone = if self.is_moved { &self.from } else { &self.to };
        self.keeps.lock().remove(gone);
        if !self.is_moved {
            // Whatever it was in the middle of.
            self.keep.open(None);
        }
    }
}
