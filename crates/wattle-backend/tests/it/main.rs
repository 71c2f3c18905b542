//! The backends, from outside: the conformance suite on each, and what only a disk can do.

mod disk;
mod memory;
mod memory_bus;
mod nats;
