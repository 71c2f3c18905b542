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

use wasmtime::component::{HasData, Linker, ResourceTable};
use wattle_spec::resolve::{Offer, State};

use super::joined::Joined;
use super::patience::Patience;
use super::{Capability, Repeatable, by_name, offering, offering_concurrent};
use crate::engine::Profile;
use crate::instance::{Current, Guest};

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
    links: &'a Arc<Joined<BlobsLink>>,
    ahead: &'a mut Ahead,
    patience: Patience,
    current: &'a Current,
}

fn view(guest: &mut Guest) -> View<'_> {
    View {
        table: &mut guest.table,
        links: &guest.identity.blobs,
        ahead: &mut guest.blobs_ahead,
        patience: Patience(guest.deadline.clone()),
        current: &guest.current,
    }
}

impl Capability for Blobstore {
    fn offers(&self) -> Vec<Offer> {
        let draft = ["wasi:blobstore/container@0.2.0-draft", draft::BLOBSTORE];
        let concurrent = ["wasmcloud:blobstore/container@0.1.0", concurrent::BLOBSTORE];
        let mut offers = offering(&["wasi:blobstore/types@0.2.0-draft", "wasmcloud:blobstore/types@0.1.0"], None);
        offers.extend(by_name(offering(&draft, Some(State::Blobs))));
        offers.extend(by_name(offering_concurrent(&concurrent, Some(State::Blobs))));
        offers
    }

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        draft::link(linker)?;
        match profile {
            Profile::Fast => Ok(()),
            Profile::Concurrent => concurrent::link(linker),
        }
    }

    fn repeatable(&self) -> &'static [Repeatable] {
        const {
            &[
                Repeatable::new(draft::BLOBSTORE, draft::join),
                Repeatable::concurrent(concurrent::BLOBSTORE, concurrent::join),
            ]
        }
    }
}
