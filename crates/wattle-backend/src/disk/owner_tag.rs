//! An owner as rows begin with it: a byte for what kind of owner it is, and then its names.

use crate::bucket::Owner;

pub(super) const SHARED: u8 = 0;
pub(super) const APP: u8 = 1;
pub(super) const HOST: u8 = 2;
pub(super) const NAMED_SHARED: u8 = 3;
pub(super) const NAMED_APP: u8 = 4;

/// The byte for the kind of `owner`.
pub(super) fn tag(owner: &Owner) -> u8 {
    match owner {
        Owner::Shared => SHARED,
        Owner::Host => HOST,
        Owner::App(_) => APP,
        Owner::Named { app: None, .. } => NAMED_SHARED,
        Owner::Named { app: Some(_), .. } => NAMED_APP,
    }
}

/// Its names: of the backend, if it has one of its own, and of the app's namespace and the app, if it is an app's.
pub(super) fn names(owner: &Owner) -> impl Iterator<Item = &str> {
    let backend = match owner {
        Owner::Named { backend, .. } => Some(backend.as_str()),
        Owner::Shared | Owner::Host | Owner::App(_) => None,
    };
    let app = owner.app().map(|app| [app.namespace.as_str(), app.name.as_str()]);
    backend.into_iter().chain(app.into_iter().flatten())
}
