//! Where a component's imports of keys and values lead, and what one call of theirs sees.

use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::key_value::KeyValue;
use wattle_spec::label::Label;
use wattle_spec::name::BackendName;

use super::fault::{Answer, Failure, Fault};
use super::open_bucket::OpenBucket;
use crate::capability::joined::Joined;
use crate::instance::Guest;

/// The most bytes that the name of a bucket may have.
const BUCKET_NAME_MAX: usize = 256;

/// The provider of an import of keys and values.
pub(crate) struct KeyValueLink {
    pub(crate) backend: Arc<dyn KeyValue>,
    /// The backend's name: two that are kept by one engine do not share their buckets.
    pub(crate) name: BackendName,
    pub(crate) owner: Owner,
}

pub(super) struct HasStore;

impl HasData for HasStore {
    type Data<'a> = View<'a>;
}

/// What one call sees.
pub(super) struct View<'a> {
    pub(super) table: &'a mut ResourceTable,
    links: &'a Joined<KeyValueLink>,
}

pub(super) fn view(guest: &mut Guest) -> View<'_> {
    View { table: &mut guest.table, links: &guest.identity.key_value }
}

impl View<'_> {
    /// The bucket `name` through the import of `package` that has no label.
    pub(super) fn open(&self, package: &str, name: &str) -> Answer<OpenBucket> {
        open(self.links.named(package, name), name)
    }

    /// The bucket `name` through the import that is called `label`.
    pub(super) fn open_labelled(&self, package: &str, label: &Label, name: &str) -> Answer<OpenBucket> {
        open(self.links.labelled(package, label), name)
    }
}

fn open(link: Option<&KeyValueLink>, name: &str) -> Answer<OpenBucket> {
    let link = link.ok_or(Failure::Guest(Fault::AccessDenied))?;
    if name.len() > BUCKET_NAME_MAX {
        return Err(Failure::Guest(Fault::NoSuchStore));
    }
    let bucket = Bucket { owner: link.owner.clone(), name: format!("{}/{name}", link.name) };
    Ok(OpenBucket::new(link.backend.clone(), bucket))
}
