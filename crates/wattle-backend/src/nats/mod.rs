//! State and messages on NATS: a connection that is shared, and keys and values on JetStream.
//!
//! ```text
//! key_value ──> stream (made at first use) ──> session: a request with a deadline ──> connection ──> a nats-server
//!               names (owner, bucket, key)                                            (opened at first use, re-opened)
//! ```
//!
//! Invariants: whatever waits does so on the runtime that the connection was handed, as callers have none with a clock;
//! nothing waits for longer than the deadline of the options; no error and no log holds a credential.
//!
//! What needs which server: everything works from nats-server 2.9 on, but that versions of keys go on after somebody
//! deleted a stream needs 2.10, and entries with a lifetime need 2.11.
//!
//! **Durability.** An acknowledged write was written by the server to its file, and outlives the death of the server's
//! process. JetStream syncs the file to the disk only every two minutes unless its configuration says
//! `sync_interval: always`: until then a power failure loses what was acknowledged. A server tells nobody but its system
//! account what it is set to (`$SYS.REQ.SERVER.<id>.JSZ`); where the account of the options imports that service, the
//! connection reads it, and in every other case it warns once that it cannot know.

mod address;
mod api;
mod blobs;
mod bus;
mod connection;
mod consumer;
mod container;
mod download;
mod durability;
mod ending;
mod events;
mod key_value;
mod keyspace;
mod layout;
mod listening;
mod mailbox;
mod names;
mod opening;
mod options;
mod quota;
mod receipt;
mod round_trips;
mod session;
mod state;
mod stream;
mod tls;
mod upload;
mod wire;

pub use blobs::NatsBlobs;
pub use bus::NatsBus;
pub use connection::NatsConnection;
pub use durability::NatsDurability;
pub use key_value::NatsKeyValue;
pub use layout::NatsLayout;
pub use options::{NatsIdentity, NatsLogin, NatsOptions, NatsOptionsError, NatsSecret, NatsTls};
pub use state::NatsState;
