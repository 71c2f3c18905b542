//! `wasi:blobstore@0.2.0-draft` and `wasmcloud:blobstore@0.1.0` over any backend of blobs.
//!
//! What an operation means is settled once for all backends in `container` and `link`: which names and sizes are
//! allowed, what a range is, what copying does. `draft` and `concurrent` are the two faces of it: the first has streams
//! of `wasi:io`, which `outgoing` and `incoming` make, the second those of the component model.

mod concurrent;
pub(super) mod container;
mod draft;
pub(super) mod failure;
mod flow;
pub(super) mod incoming;
mod link;
mod operation;
pub(super) mod outgoing;

use std::sync::Arc;

use wasmtime::component::{HasData, ResourceTable};
use wattle_spec::resolve::{Offer, State};

use super::patience::Patience;
use super::{Capability, Joinable, by_name, offering, offering_concurrent};
use crate::component::Links;
use crate::instance::{Current, Guest, MEMBERS_MAX, Member, Split, for_each_member};

pub(crate) use link::BlobsLink;
pub(crate) use outgoing::Ahead;

/// The most bytes that the name of a container may have.
const CONTAINER_NAME_MAX: usize = 256;
/// The most bytes that the name of an object may have.
const OBJECT_NAME_MAX: usize = 1024;
/// The most names that one call takes or gives.
const NAMES_MAX: usize = 10_000;
/// The most bytes that are read in one piece, which is then a value in the memory of the host and of the guest.
const WHOLE_MAX: u64 = 8 << 20;
/// Bytes of a content that are taken from a guest at a time.
const PIECE_MAX: usize = 64 << 10;

/// `wasi:blobstore` and `wasmcloud:blobstore`.
pub(super) struct Blobstore;

struct HasStore;

impl HasData for HasStore {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    table: &'a mut ResourceTable,
    links: &'a Arc<Links>,
    ahead: &'a mut Ahead,
    patience: Patience,
    current: &'a Current,
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Split { member, table, blobs_ahead: ahead, deadline } = guest.split::<MEMBER>();
    let Member { links, identity, current, .. } = member;
    View { table, links: links.of(identity), ahead, patience: Patience(deadline.clone()), current }
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

impl Capability for Blobstore {
    fn offers(&self) -> Vec<Offer> {
        let draft = [draft::CONTAINER, draft::BLOBSTORE];
        let concurrent = [concurrent::CONTAINER, concurrent::BLOBSTORE];
        let mut offers = offering(&[draft::TYPES, concurrent::TYPES], None);
        offers.extend(by_name(offering(&draft, Some(State::Blobs))));
        offers.extend(by_name(offering_concurrent(&concurrent, Some(State::Blobs))));
        offers
    }

    fn joinable(&self) -> &'static [Joinable] {
        const {
            &[
                Joinable::new(draft::TYPES, draft::join_types).once(),
                Joinable::new(draft::CONTAINER, draft::join_container).once(),
                Joinable::new(draft::BLOBSTORE, draft::join),
                Joinable::concurrent(concurrent::TYPES, concurrent::join_types).once(),
                Joinable::concurrent(concurrent::CONTAINER, concurrent::join_container).once(),
                Joinable::concurrent(concurrent::BLOBSTORE, concurrent::join),
            ]
        }
    }
}
