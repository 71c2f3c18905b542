//! The real binary, from outside: what it says, what it serves, and what it withstands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod apply;
mod artifacts;
mod artifacts_apps;
mod artifacts_cached;
mod artifacts_faults;
mod artifacts_forged;
mod artifacts_made;
mod artifacts_store;
mod artifacts_tools;
mod artifacts_walk;
#[path = "../common/asking.rs"]
mod asking;
mod backup;
mod bad_client;
mod bad_guest;
mod bad_guest_p3;
mod blobs;
mod blobs_misuse;
mod blobs_streams;
#[path = "../common/bombs.rs"]
mod bombs;
mod build;
mod calls;
mod calls_limits;
mod calls_services;
mod check;
mod check_files;
mod choices;
mod cli;
mod code_cache;
mod control;
mod control_cron;
mod control_elsewhere;
mod control_logs;
mod control_socket;
mod cron;
mod daemon;
mod data_dir;
mod diff;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod dist;
mod documents;
mod drain;
mod edge;
mod explain;
mod explain_import;
mod explain_running;
mod files;
mod flood;
mod framing;
mod guests;
mod guide;
mod http;
mod http2;
mod http2_floods;
mod inside;
mod inspect;
mod instances;
mod invoke;
mod key_value;
mod labels;
mod labels_imports;
mod lifecycle;
mod listeners;
mod logs;
mod messages;
mod messages_check;
mod messages_failures;
mod migration;
mod moves_under_load;
mod moving;
mod named_backends;
mod nats;
mod new;
mod not_running;
mod odd_places;
mod orders;
mod outgoing;
mod outgoing_tls;
mod policy;
mod pool;
mod progress;
mod quotas;
mod rates;
mod reference;
mod relink;
mod relink_calls;
mod relink_messages;
mod run;
mod run_limits;
mod secrets;
mod services;
mod settings;
mod shop;
mod sockets;
mod static_files;
mod stop;
mod streams;
mod telemetry;
mod telemetry_calls;
mod telemetry_messages;
mod tls;
mod together;
mod together_worlds;
mod up;
mod written;

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
