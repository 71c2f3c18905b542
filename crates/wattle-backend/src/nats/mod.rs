//! State and messages on NATS: connections that are shared, keys and values and blobs on JetStream, messages on both.
//!
//! ```text
//! key_value ──> stream (made at first use) ──> connection: which one ──> line ──> session: a request ──> a nats-server
//! blobs, bus    names (owner, bucket, key)     (one for each core)       (opened at first use, re-opened)
//! ```
//!
//! Invariants: callers are within a runtime of Tokio that has sockets and a clock, and a call is made where it is polled;
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
mod line;
mod listening;
mod mailbox;
mod names;
mod opening;
mod options;
mod quota;
mod receipt;
mod round_trips;
mod servers;
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
