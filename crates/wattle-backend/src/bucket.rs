//! Whose state it is: a bucket is a name within a scope, and a backend never sees one without the other.

use wattle_spec::name::AppId;

/// Who shares a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// One app.
    App(AppId),
    /// Every app that links a backend whose scope is shared.
    Shared,
    /// The host itself, for its own notes: no app can name them.
    Host,
}

/// A bucket of keys (in a blob store: a container), named by a guest within what its link allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// Whose it is.
    pub owner: Owner,
    /// The name that the guest gave.
    pub name: String,
}
