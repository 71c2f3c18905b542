//! What a link has of its backend. When the link was led elsewhere and its time is over, the lease ends: whatever was
//! opened through it and is still held fails from then on, and holds the backend no longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use wattle_backend::blobs::Blobs;
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_backend::stores::Stores;
use wattle_spec::label::Label;
use wattle_spec::link::{Link, Provider};
use wattle_spec::name::BackendName;
use wattle_spec::resolve::State;

use super::Opened;
use crate::capability::keep::Keep;

/// What of a component is led where: as long as that stays so, it is the same lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) state: State,
    /// As in `wasi:keyvalue`.
    pub(crate) package: String,
    pub(crate) label: Option<Label>,
    pub(crate) backend: BackendName,
}

/// A backend as one link of a component has it.
pub(crate) struct Lease {
    pub(crate) term: Term,
    pub(super) opened: ArcSwapOption<Opened>,
    /// Where the app keeps there what can be moved.
    key_value: ArcSwapOption<Keep<dyn KeyValue>>,
    blobs: ArcSwapOption<Keep<dyn Blobs>>,
    pub(super) end: Arc<End>,
    /// Leases of before whose app has moved what it keeps to where this one is: they end with it.
    followers: Followers,
}

type Followers = Arc<Mutex<Vec<Weak<Lease>>>>;

/// Whether a lease has ended, for what goes on without it.
#[derive(Default)]
pub(super) struct End {
    has_come: watch::Sender<bool>,
    /// To be called when something fails because of it: once.
    tell: Mutex<Option<Tell>>,
}

type Tell = Box<dyn FnOnce() + Send>;

/// A lease that is to end. Until then it is there only if something that was opened through it is.
pub(crate) struct Retired {
    lease: Weak<Lease>,
    pub(crate) term: Term,
    end: Arc<End>,
    followers: Followers,
}

impl Term {
    /// That of `link`. `None`: it leads to no backend.
    pub(crate) fn of(link: &Link) -> Option<Self> {
        let Provider::Backend(backend) = &link.provider else { return None };
        let package = link.what.interface()?.package_key().to_string();
        Some(Self { state: link.state?, package, label: link.what.label().cloned(), backend: backend.clone() })
    }

    /// What is linked, as in a manifest.
    pub(crate) fn key(&self) -> String {
        match &self.label {
            Some(label) => format!("{}#{label}", self.package),
            None => self.package.clone(),
        }
    }
}

impl Lease {
    pub(crate) fn new(opened: Arc<Opened>, term: Term) -> Arc<Self> {
        Self::with(term, Some(opened))
    }

    /// The ways in which the backend can be used, through this lease; for what can be moved see the keeps.
    pub(crate) fn stores(self: &Arc<Self>) -> Stores {
        let opened = self.opened.load();
        let Some(Stores { key_value, bus, secrets, .. }) = opened.as_deref().map(|opened| &opened.stores) else {
            return Stores::default();
        };
        Stores {
            key_value: key_value.is_some().then(|| self.clone() as _),
            bus: bus.is_some().then(|| self.clone() as _),
            secrets: secrets.is_some().then(|| self.clone() as _),
            ..Stores::default()
        }
    }

    /// Another one of the same backend, which nobody ends.
    pub(crate) fn another(&self) -> Arc<Self> {
        Self::with(self.term.clone(), self.opened.load_full())
    }

    fn with(term: Term, opened: Option<Arc<Opened>>) -> Arc<Self> {
        Arc::new(Self {
            term,
            opened: ArcSwapOption::new(opened),
            key_value: ArcSwapOption::empty(),
            blobs: ArcSwapOption::empty(),
            end: Arc::default(),
            followers: Followers::default(),
        })
    }

    /// Keys and values go through `keep` from now on.
    pub(crate) fn keep_key_value(&self, keep: Arc<Keep<dyn KeyValue>>) {
        self.key_value.store(Some(keep));
    }

    /// Objects go through `keep` from now on.
    pub(crate) fn keep_blobs(&self, keep: Arc<Keep<dyn Blobs>>) {
        self.blobs.store(Some(keep));
    }

    /// Where keys and values are kept.
    ///
    /// # Errors
    ///
    /// If the lease has ended.
    pub(crate) fn key_value(&self) -> Result<Arc<Keep<dyn KeyValue>>, BackendError> {
        self.key_value.load_full().ok_or_else(|| self.end.refused())
    }

    /// The same of objects.
    pub(crate) fn blobs(&self) -> Result<Arc<Keep<dyn Blobs>>, BackendError> {
        self.blobs.load_full().ok_or_else(|| self.end.refused())
    }

    /// What was kept through this lease was moved, and is found through the one among `others` that is for the same.
    pub(crate) fn follow(self: &Arc<Self>, others: &[Arc<Self>]) {
        let Term { state, package, label, .. } = &self.term;
        let is_for_it = |other: &&Arc<Self>| {
            let term = &other.term;
            (&term.state, &term.package, &term.label) == (state, package, label)
        };
        let Some(other) = others.iter().find(is_for_it) else { return };
        if Arc::ptr_eq(self, other) {
            return;
        }
        let mut all = living(&self.followers);
        all.push(self.clone());
        for lease in &all {
            lease.opened.store(other.opened.load_full());
        }
        locked(&other.followers).extend(all.iter().map(Arc::downgrade));
    }

    fn close(&self) {
        self.opened.store(None);
        self.key_value.store(None);
        self.blobs.store(None);
    }

    /// The same, for whoever ends it.
    pub(crate) fn retire(self: &Arc<Self>) -> Retired {
        Retired {
            lease: Arc::downgrade(self),
            term: self.term.clone(),
            end: self.end.clone(),
            followers: self.followers.clone(),
        }
    }
}

impl Retired {
    /// Ends it. What fails because of that is told with `tell`, the first time.
    pub(crate) fn end(self, tell: impl FnOnce() + Send + 'static) {
        let tell: Arc<Mutex<Option<Tell>>> = Arc::new(Mutex::new(Some(Box::new(tell))));
        let followers = living(&self.followers);
        for end in followers.iter().map(|lease| &lease.end).chain([&self.end]) {
            end.come_with(tell.clone());
        }
        self.lease.upgrade().iter().chain(&followers).for_each(|lease| lease.close());
    }
}

impl End {
    /// It is there. What fails because of that is told with `tell`, unless that was done.
    fn come_with(&self, tell: Arc<Mutex<Option<Tell>>>) {
        *locked(&self.tell) = Some(Box::new(move || {
            let tell = locked(&tell).take();
            tell.into_iter().for_each(|tell| tell());
        }));
        self.has_come.send_replace(true);
    }

    /// Waits for it.
    pub(super) async fn come(&self) {
        // The sender is there as long as this is.
        let _ = self.has_come.subscribe().wait_for(|has_come| *has_come).await;
    }

    /// What is told to who comes too late.
    pub(super) fn refused(&self) -> BackendError {
        let tell = locked(&self.tell).take();
        if let Some(tell) = tell {
            tell();
        }
        BackendError::Closed
    }
}

fn living(leases: &Followers) -> Vec<Arc<Lease>> {
    locked(leases).iter().filter_map(Weak::upgrade).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole at every point where a panic could come.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
