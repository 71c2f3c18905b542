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

use wattle_spec::resolve::{Offer, State};

#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::draft::PagedBucket;
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::draft2::Cas;
pub(crate) use self::fault::Failure;
pub(crate) use self::link::KeyValueLink;
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::open_bucket::OpenBucket;
use super::{Capability, Joinable, by_name, offering, offering_concurrent};

/// Keys and values.
pub(super) struct KeyValueStore;

impl Capability for KeyValueStore {
    fn offers(&self) -> Vec<Offer> {
        let state = Some(State::KeyValue);
        let drafts = [offering(&draft::INTERFACES, state), offering(&draft2::INTERFACES, state)];
        let offers = drafts.into_iter().flatten().chain(offering_concurrent(&wasmcloud::INTERFACES, state));
        by_name(offers.collect()).collect()
    }

    fn joinable(&self) -> &'static [Joinable] {
        const {
            &[
                Joinable::new(draft::STORE, draft::join),
                Joinable::new(draft::ATOMICS, draft::join_atomics).once(),
                Joinable::new(draft::BATCH, draft::join_batch).once(),
                Joinable::new(draft2::STORE, draft2::join),
                Joinable::new(draft2::ATOMICS, draft2::join_atomics).once(),
                Joinable::new(draft2::BATCH, draft2::join_batch).once(),
                Joinable::concurrent(wasmcloud::STORE, wasmcloud::join),
                Joinable::concurrent(wasmcloud::TYPES, wasmcloud::join_types).once(),
                Joinable::concurrent(wasmcloud::ATOMICS, wasmcloud::join_atomics).once(),
                Joinable::concurrent(wasmcloud::CAS, wasmcloud::join_cas).once(),
                Joinable::concurrent(wasmcloud::BATCH, wasmcloud::join_batch).once(),
            ]
        }
    }
}
