//! Where a component's imports of keys and values lead, and what one call of theirs sees.

use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};

use super::fault::{Answer, Failure, Fault};
use super::open_bucket::OpenBucket;
use super::operation::package;
use crate::backing::Lease;
use crate::capability::Via;
use crate::capability::joined::Joined;
use crate::capability::operation::{Caller, Namespace};
use crate::instance::{Current, Guest, MEMBERS_MAX, Member, Split, for_each_member};
use crate::telemetry::LinkFacts;

/// The most bytes that the name of a bucket may have.
const BUCKET_NAME_MAX: usize = 256;

/// The provider of an import of keys and values.
pub(crate) struct KeyValueLink {
    /// What it has of its backend.
    pub(crate) lease: Arc<Lease>,
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

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Split { member: Member { links, identity, current, .. }, table, .. } = guest.split::<MEMBER>();
    View { table, links: &links.of(identity).key_value, current }
}

/// What each component of a store sees.
pub(super) const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

impl View<'_> {
    /// The bucket that an import of the package of `namespace` calls `name`.
    pub(super) fn open(&self, namespace: Namespace, via: &Via, name: &str) -> Answer<OpenBucket> {
        let link = self.links.named(package(namespace), via, name).ok_or(Failure::Guest(Fault::AccessDenied))?;
        if name.len() > BUCKET_NAME_MAX {
            return Err(Failure::Guest(Fault::NoSuchStore));
        }
        let caller = Caller { namespace, current: self.current.clone(), facts: link.facts.clone() };
        OpenBucket::new(link.lease.clone(), name, caller)
    }
}
