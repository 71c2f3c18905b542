//! Whose state it is: a bucket is a name within a scope, and a backend never sees one without the other.

use wattle_spec::name::{AppId, BackendName};

/// Who shares a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// One app.
    App(AppId),
    /// Every app that links a backend whose scope is shared.
    Shared,
    /// The host itself, for its own notes: no app can name them.
    Host,
    /// The same of a backend that is not called as its engine is: backends are apart though one engine keeps them.
    Named {
        /// What the backend is called.
        backend: BackendName,
        /// The app; `None`: every app that links the backend.
        app: Option<AppId>,
    },
}

impl Owner {
    /// The app, if it is one.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Owner::App(app) => Some(app),
            Owner::Named { app, .. } => app.as_ref(),
            Owner::Shared | Owner::Host => None,
        }
    }
}

/// A bucket of keys (in a blob store: a container), named by a guest within what its link allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// Whose it is.
    pub owner: Owner,
    /// The name that the guest gave.
    pub name: String,
}
