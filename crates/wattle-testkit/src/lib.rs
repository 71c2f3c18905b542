//! Development only: what Wattle's tests are made of.
//!
//! [`App`] lays out an app in a temporary directory, [`Program`] runs the real binary on it (a verb to its end, or
//! `up` as a [`Server`]), [`Connection`] speaks HTTP/1.1 to it byte by byte,
//! [`Http2`] and [`h2_frames`] HTTP/2. [`Upstream`], [`NameServer`], [`Collector`], [`NatsServer`], [`Registry`] with its
//! [`TokenAuthority`], and [`FakeRegistry`] on its bad days are the world that it speaks to; [`tools`] are those that others
//! speak to it with, and a [`Line`] is what may be in between. Nothing here mocks anything, everything waits with a
//! deadline, and what goes wrong ends the test that caused it.

pub mod app;
pub mod client;
pub mod collector;
pub mod fake_registry;
pub mod figures;
pub mod guests;
pub mod h2_frames;
pub mod http2;
mod installed;
pub mod line;
pub mod name_server;
pub mod nats_server;
pub mod output;
pub mod process;
pub mod program;
pub mod registry;
pub mod response;
pub mod server;
pub mod tls;
pub mod tls_upstream;
pub mod token_authority;
pub mod tools;
pub mod upstream;
pub mod wait;

pub use app::App;
pub use client::Connection;
pub use collector::{Collector, SeenSpan};
pub use fake_registry::{FakeRegistry, Reply};
pub use http2::Http2;
pub use line::Line;
pub use name_server::NameServer;
pub use nats_server::NatsServer;
pub use program::{Program, Ran};
pub use registry::Registry;
pub use response::{End, Head, Response};
pub use server::{Server, Up};
pub use tls::Authority;
pub use tls_upstream::TlsUpstream;
pub use token_authority::TokenAuthority;
pub use upstream::Upstream;
pub use wait::{PATIENCE, at_best, until};
