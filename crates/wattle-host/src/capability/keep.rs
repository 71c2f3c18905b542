//! What an app keeps of one kind in one backend: where calls find it, also while it is moved to another backend.
//!
//! Each call goes a way, and holds it until it has ended. Who moves what is kept puts another way in the place of that one
//! and waits until the last call on the old one has ended: so that writes are told, held, and led elsewhere, whatever
//! handles guests hold open. A call costs no more by it than reading a pointer.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, watch};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_spec::name::BackendName;

/// What an app keeps in one backend.
pub(crate) struct Keep<S: ?Sized> {
    way: ArcSwap<Way<S>>,
    /// Those of all ways on which calls may still be.
    ends: Mutex<Vec<watch::Receiver<()>>>,
    /// Calls that wait for a way that is open.
    opened: Notify,
}

/// A place in a backend, and what it is to those who go there.
pub(crate) struct Side<S: ?Sized> {
    pub(crate) store: Arc<S>,
    pub(crate) owner: Owner,
    /// What the names of its buckets begin with: two backends that are kept by one engine do not share them.
    pub(crate) backend: BackendName,
}

/// How calls get there.
pub(crate) struct Way<S: ?Sized> {
    side: Side<S>,
    /// How often what is kept was moved before.
    moves: u64,
    gate: Gate,
    /// Dropped with the way: then no call goes it any more.
    _calls: watch::Sender<()>,
}

/// What becomes of calls.
enum Gate {
    /// They go through.
    Open,
    /// They go through, and what they wrote is noted.
    Noting(Arc<Noted>),
    /// They wait.
    Closed,
}

/// A name in a bucket, or the container as a whole.
pub(crate) type Item = (String, Option<String>);

/// As many items are noted, or found to be different, at a time; one more says that there are more.
pub(crate) const NOTED_MAX: usize = 100_000;

/// What was written of late.
#[derive(Default)]
pub(crate) struct Noted(Mutex<BTreeSet<Item>>);

/// Notes a write when it ends, however it does.
pub(crate) struct Note {
    noted: Arc<Noted>,
    item: Option<Item>,
}

/// Tells when the last call on every way of before has ended.
pub(crate) struct Ended(Vec<watch::Receiver<()>>);

/// A bucket that somebody opened: its name, and where it was at that time.
pub(crate) struct Place {
    name: String,
    bucket: Arc<Bucket>,
    moves: u64,
}

/// A call that is under way.
pub(crate) struct Call<'a, S: ?Sized> {
    way: Guard<Arc<Way<S>>>,
    place: &'a Place,
    /// The bucket, where it is now.
    pub(crate) bucket: Arc<Bucket>,
}

impl<S: ?Sized> Clone for Side<S> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), owner: self.owner.clone(), backend: self.backend.clone() }
    }
}

impl<S: ?Sized> Side<S> {
    /// The bucket that guests call `name`.
    pub(crate) fn bucket(&self, name: &str) -> Bucket {
        Bucket { owner: self.owner.clone(), name: format!("{}/{name}", self.backend) }
    }

    /// What guests call the bucket `name` of the backend; `None`: it belongs to something else.
    pub(crate) fn name_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.backend.as_str())?.strip_prefix('/')
    }
}

impl<S: ?Sized> Keep<S> {
    /// What is kept in `side`.
    pub(crate) fn new(side: Side<S>) -> Self {
        let (calls, end) = watch::channel(());
        let way = Way { side, moves: 0, gate: Gate::Open, _calls: calls };
        Self { way: ArcSwap::from_pointee(way), ends: Mutex::new(vec![end]), opened: Notify::new() }
    }

    /// The bucket `name`, where it is now.
    pub(crate) fn place(&self, name: String) -> Place {
        let way = self.way.load();
        Place { bucket: Arc::new(way.side.bucket(&name)), name, moves: way.moves }
    }

    /// A call of `place`, which waits while what is kept changes its place.
    pub(crate) async fn call<'a>(&self, place: &'a Place) -> Call<'a, S> {
        let way = self.open_way().await;
        let bucket = match way.moves == place.moves {
            true => place.bucket.clone(),
            false => Arc::new(way.side.bucket(&place.name)),
        };
        Call { way, place, bucket }
    }

    async fn open_way(&self) -> Guard<Arc<Way<S>>> {
        loop {
            let way = self.way.load();
            if !matches!(way.gate, Gate::Closed) {
                return way;
            }
            let mut opened = pin!(self.opened.notified());
            opened.as_mut().enable();
            // It may have been opened before anybody listened.
            if matches!(self.way.load().gate, Gate::Closed) {
                drop(way);
                opened.await;
            }
        }
    }

    /// Where it is kept now.
    pub(crate) fn side(&self) -> Side<S> {
        self.way.load().side.clone()
    }

    /// Notes from now on what calls write. Until the end that is told, there may be writes that are not noted.
    pub(crate) fn note(&self) -> (Arc<Noted>, Ended) {
        let noted = Arc::new(Noted::default());
        (noted.clone(), self.replace(None, Gate::Noting(noted)))
    }

    /// Holds calls from now on. When the end that is told has come, none is under way.
    pub(crate) fn close(&self) -> Ended {
        self.replace(None, Gate::Closed)
    }

    /// Lets calls through, to `side` from now on if one is given.
    pub(crate) fn open(&self, side: Option<Side<S>>) {
        drop(self.replace(side, Gate::Open));
        self.opened.notify_waiters();
    }

    /// Only who moves what is kept replaces its way, and there is one at a time. Who gives up before the end of a way leaves
    /// it to whoever comes next.
    fn replace(&self, side: Option<Side<S>>, gate: Gate) -> Ended {
        let (calls, end) = watch::channel(());
        let (now, moves) = {
            let way = self.way.load();
            (way.side.clone(), way.moves)
        };
        let moves = moves + u64::from(side.is_some());
        self.way.store(Arc::new(Way { side: side.unwrap_or(now), moves, gate, _calls: calls }));
        // Whole at every point where a panic could come.
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|end| end.has_changed().is_ok());
        let before = Ended(ends.clone());
        ends.push(end);
        before
    }
}

impl<S: ?Sized> Call<'_, S> {
    /// What is called.
    pub(crate) fn store(&self) -> &S {
        &self.way.side.store
    }

    /// Where that is.
    pub(crate) fn backend(&self) -> &BackendName {
        &self.way.side.backend
    }

    /// Has it noted, if anybody wants to know, that this call writes `name`, or the whole container. To be held for as long
    /// as the write lasts.
    #[must_use]
    pub(crate) fn writes(&self, name: Option<&str>) -> Option<Note> {
        let Gate::Noting(noted) = &self.way.gate else { return None };
        let item = (self.place.name.clone(), name.map(str::to_owned));
        Some(Note { noted: noted.clone(), item: Some(item) })
    }
}

impl Noted {
    /// What was noted since this was asked last. `None`: more than can be.
    pub(crate) fn take(&self) -> Option<BTreeSet<Item>> {
        let noted = std::mem::take(&mut *self.lock());
        (noted.len() <= NOTED_MAX).then_some(noted)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Item>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    /// Nothing was written after all.
    pub(crate) fn forget(mut self) {
        self.item = None;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let mut noted = self.noted.lock();
        if noted.len() <= NOTED_MAX {
            noted.extend(self.item.take());
        }
    }
}

impl Ended {
    /// Waits until it has come.
    pub(crate) async fn wait(self) {
        for mut end in self.0 {
            // Nobody sends: the other end is dropped.
            let _ = end.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use wattle_backend::key_value::KeyValue;
    use wattle_backend::memory::MemoryKeyValue;

    use super::*;

    fn side(backend: &str) -> Side<dyn KeyValue> {
        let backend = backend.parse().expect("a name");
        Side { store: Arc::new(MemoryKeyValue::default()), owner: Owner::Shared, backend }
    }

    #[test]
    fn calls_are_held_and_led_elsewhere() {
        let keep = Keep::new(side("one"));
        let place = keep.place("a".into());
        let early = keep.call(&place).now_or_never().expect("it is open");
        let (noted, ended) = keep.note();
        let mut ended = pin!(ended.wait());
        assert!(ended.as_mut().now_or_never().is_none(), "a call is under way");
        drop(early.writes(Some("key")));
        drop(early);
        assert!(ended.now_or_never().is_some());
        assert_eq!(noted.take(), Some(BTreeSet::new()), "nobody asked when that call began");
        let call = keep.call(&place).now_or_never().expect("it is open");
        let note = call.writes(Some("key"));
        assert_eq!(noted.take(), Some(BTreeSet::new()), "it has not ended");
        drop(note);
        assert_eq!(noted.take(), Some(BTreeSet::from([("a".into(), Some("key".into()))])));
        let ended = keep.close();
        drop(call);
        assert!(ended.wait().now_or_never().is_some());
        let mut held = pin!(keep.call(&place));
        assert!(held.as_mut().now_or_never().is_none());
        keep.open(Some(side("two")));
        let call = held.now_or_never().expect("it is open again");
        assert_eq!(call.bucket.name, "two/a");
    }

    /// Who tries again waits for the calls that began while somebody tried before.
    #[test]
    fn calls_of_an_attempt_before() {
        let keep = Keep::new(side("one"));
        let place = keep.place("a".into());
        let (_, ended) = keep.note();
        assert!(ended.wait().now_or_never().is_some());
        let late = keep.call(&place).now_or_never().expect("it is open");
        drop(keep.close());
        keep.open(None);
        let (_, ended) = keep.note();
        let mut ended = pin!(ended.wait());
        assert!(ended.as_mut().now_or_never().is_none(), "a call of before is under way");
        drop(late);
        assert!(ended.now_or_never().is_some());
    }

    /// A container that was there is not copied again because somebody wanted to make it.
    #[test]
    fn what_was_not_written() {
        let keep = Keep::new(side("one"));
        let place = keep.place("a".into());
        let (noted, _) = keep.note();
        let call = keep.call(&place).now_or_never().expect("it is open");
        call.writes(None).expect("writes are noted").forget();
        assert_eq!(noted.take(), Some(BTreeSet::new()));
    }

    /// Nothing is left out in silence.
    #[test]
    fn more_than_is_noted() {
        let keep = Keep::new(side("one"));
        let place = keep.place("a".into());
        let (noted, _) = keep.note();
        let call = keep.call(&place).now_or_never().expect("it is open");
        let write = |number: usize| drop(call.writes(Some(&number.to_string())));
        (0..NOTED_MAX).for_each(write);
        assert_eq!(noted.take().map(|noted| noted.len()), Some(NOTED_MAX));
        (0..=NOTED_MAX).for_each(write);
        assert_eq!(noted.take(), None);
    }
}
