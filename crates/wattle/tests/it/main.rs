//! The real binary, from outside: what it says, what it serves, and what it withstands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod bad_client;
mod bad_guest;
mod bad_guest_p3;
mod blobs;
mod blobs_misuse;
mod blobs_streams;
mod build;
mod check;
mod check_files;
mod cli;
mod code_cache;
mod cron;
mod data_dir;
mod dist;
mod documents;
mod edge;
mod explain;
mod files;
mod flood;
mod framing;
mod guests;
mod guide;
mod http;
mod http2;
mod http2_floods;
mod inspect;
mod instances;
mod invoke;
mod key_value;
mod labels;
mod labels_imports;
mod logs;
mod messages;
mod messages_check;
mod messages_failures;
mod named_backends;
mod nats;
mod new;
mod odd_places;
mod orders;
mod outgoing;
mod outgoing_tls;
mod quotas;
mod reference;
mod run;
mod run_limits;
mod secrets;
mod services;
mod settings;
mod sockets;
mod static_files;
mod stop;
mod streams;
mod telemetry;
mod telemetry_calls;
mod telemetry_messages;
mod tls;
mod up;

use wattle_testkit::{App, Program};

const WATTLE: Program = Program::new(env!("CARGO_BIN_EXE_wattle"));

/// An app of two components: `guest` answers everything but `/neighbour`, which a `hello` answers. `more` are lines of
/// the guest's table.
fn beside_hello(guest: &str, more: &str) -> App {
    App::new(&format!(
        r#"name = "pair"
[components.neighbour]
source = "hello.wasm"
[components.guest]
source = "{guest}.wasm"
{more}
[[triggers.http]]
path = "/neighbour"
component = "neighbour"
[[triggers.http]]
path = "/..."
component = "guest"
"#
    ))
}
