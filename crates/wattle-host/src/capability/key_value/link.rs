//! Where a component's imports of keys and values lead, and what one call of theirs sees.

use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::key_value::KeyValue;

use super::fault::{Answer, Failure, Fault};
use super::open_bucket::OpenBucket;
use super::operation::package;
use crate::capability::Via;
use crate::capability::joined::Joined;
use crate::capability::operation::{Caller, Namespace};
use crate::instance::{Current, Guest};
use crate::telemetry::LinkFacts;

/// The most bytes that the name of a bucket may have.
const BUCKET_NAME_MAX: usize = 256;

/// The provider of an import of keys and values.
pub(crate) struct KeyValueLink {
    pub(crate) backend: Arc<dyn KeyValue>,
    pub(crate) owner: Owner,
    /// What is told of it.
    pub(crate) facts: Arc<LinkFacts>,
}

pub(super) struct HasStore;

impl HasData for HasStore {
    type Data<'a> = View<'a>;
}

/// What one call sees.
pub(super) struct View<'a> {
    pub(super) table: &'a mut ResourceTable,
    links: &'a Joined<KeyValueLink>,
    current: &'a Current,
}

pub(super) fn view(guest: &mut Guest) -> View<'_> {
    View { table: &mut guest.table, links: &guest.identity.key_value, current: &guest.current }
}

impl View<'_> {
    /// The bucket that an import of the package of `namespace` calls `name`.
    pub(super) fn open(&self, namespace: Namespace, via: &Via, name: &str) -> Answer<OpenBucket> {
        let link = self.links.named(package(namespace), via, name).ok_or(Failure::Guest(Fault::AccessDenied))?;
        if name.len() > BUCKET_NAME_MAX {
            return Err(Failure::Guest(Fault::NoSuchStore));
        }
        let (owner, facts) = (link.owner.clone(), link.facts.clone());
        // Two backends that are kept by one engine do not share their buckets.
        let bucket = Bucket { owner, name: format!("{}/{name}", facts.backend) };
        Ok(OpenBucket::new(link.backend.clone(), bucket, Caller { namespace, current: self.current.clone(), facts }))
    }
}
