//! `wasi:keyvalue` and `wasmcloud:keyvalue` over any backend of keys and values.
//!
//! ```text
//! draft, draft2, wasmcloud (one WIT each) ──> open_bucket, increment, swap, listing (what an operation means) ──> backend
//! ```
//!
//! What an operation means is settled once for all versions and backends: which names and sizes are allowed, what a number
//! looks like to `increment`, how a list is paged. The versions differ in how they say it.

mod draft;
mod draft2;
mod fault;
mod increment;
mod link;
mod listing;
mod open_bucket;
mod operation;
mod swap;
mod wasmcloud;

use wasmtime::component::Linker;
use wattle_spec::resolve::{Offer, State};

#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::draft::PagedBucket;
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::draft2::Cas;
pub(crate) use self::fault::Failure;
pub(crate) use self::link::KeyValueLink;
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::open_bucket::OpenBucket;
use super::{Capability, Repeatable, by_name, offering, offering_concurrent};
use crate::engine::Profile;
use crate::instance::Guest;

/// Keys and values.
pub(super) struct KeyValueStore;

impl Capability for KeyValueStore {
    fn offers(&self) -> Vec<Offer> {
        let state = Some(State::KeyValue);
        let drafts = [offering(&draft::INTERFACES, state), offering(&draft2::INTERFACES, state)];
        let offers = drafts.into_iter().flatten().chain(offering_concurrent(&wasmcloud::INTERFACES, state));
        by_name(offers.collect()).collect()
    }

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        draft::link(linker)?;
        draft2::link(linker)?;
        match profile {
            Profile::Fast => Ok(()),
            Profile::Concurrent => wasmcloud::link(linker),
        }
    }

    fn repeatable(&self) -> &'static [Repeatable] {
        const {
            &[
                Repeatable::new(draft::STORE, draft::join),
                Repeatable::new(draft2::STORE, draft2::join),
                Repeatable::concurrent(wasmcloud::STORE, wasmcloud::join),
            ]
        }
    }
}
