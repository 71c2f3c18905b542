//! What of the engine's own WASI is not the same for all components of a store: whose arguments, files, sockets and requests
//! they are. The rest works on what these give out.
//!
//! Every interface of a host is in one of two lists: what all components of a store share, and what is joined import by
//! import. One that is in none is found by no component that is called together.

use wasmtime::component::LinkerInstance;
use wasmtime_wasi::cli::{WasiCli, WasiCliCtxView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings as p2;
use wasmtime_wasi::p3::bindings as p3;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};
use wasmtime_wasi_http::p2::bindings::http as http_p2;
use wasmtime_wasi_http::p3::bindings::http as http_p3;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView};

use wattle_spec::interface::Interface;

use super::joinable::{Joinable, Via, serves};
use super::names;
use crate::instance::{Guest, MEMBERS_MAX, cli, filesystem, for_each_member, http, sockets};

const CLI: [fn(&mut Guest) -> WasiCliCtxView<'_>; MEMBERS_MAX] = for_each_member!(cli);
const FILES: [fn(&mut Guest) -> WasiFilesystemCtxView<'_>; MEMBERS_MAX] = for_each_member!(filesystem);
const SOCKETS: [fn(&mut Guest) -> WasiSocketsCtxView<'_>; MEMBERS_MAX] = for_each_member!(sockets);
const HTTP: [fn(&mut Guest) -> WasiHttpCtxView<'_>; MEMBERS_MAX] = for_each_member!(http);

/// What is the same for all components of a store, whoever calls it. Each has a version without a suffix, and not 0.0: it is
/// found under that of another one of its track.
const SHARED: [&str; 35] = [
    "wasi:io/error@0.2.12",
    "wasi:io/poll@0.2.12",
    "wasi:io/streams@0.2.12",
    "wasi:clocks/wall-clock@0.2.12",
    "wasi:clocks/monotonic-clock@0.2.12",
    "wasi:random/random@0.2.12",
    "wasi:random/insecure@0.2.12",
    "wasi:random/insecure-seed@0.2.12",
    "wasi:cli/exit@0.2.12",
    "wasi:cli/terminal-input@0.2.12",
    "wasi:cli/terminal-output@0.2.12",
    "wasi:cli/terminal-stdin@0.2.12",
    "wasi:cli/terminal-stdout@0.2.12",
    "wasi:cli/terminal-stderr@0.2.12",
    "wasi:filesystem/types@0.2.12",
    "wasi:sockets/network@0.2.12",
    "wasi:sockets/instance-network@0.2.12",
    "wasi:sockets/tcp@0.2.12",
    "wasi:sockets/udp@0.2.12",
    "wasi:clocks/types@0.3.0",
    "wasi:clocks/system-clock@0.3.0",
    "wasi:clocks/monotonic-clock@0.3.0",
    "wasi:random/random@0.3.0",
    "wasi:random/insecure@0.3.0",
    "wasi:random/insecure-seed@0.3.0",
    "wasi:cli/types@0.3.0",
    "wasi:cli/exit@0.3.0",
    "wasi:cli/terminal-input@0.3.0",
    "wasi:cli/terminal-output@0.3.0",
    "wasi:cli/terminal-stdin@0.3.0",
    "wasi:cli/terminal-stdout@0.3.0",
    "wasi:cli/terminal-stderr@0.3.0",
    "wasi:filesystem/types@0.3.0",
    "wasi:http/types@0.2.12",
    "wasi:http/types@0.3.0",
];

/// Whether `interface` is one of those.
pub(super) fn is_shared(interface: &Interface) -> bool {
    SHARED.iter().any(|shared| serves(shared, interface))
}

/// A function that joins an import of an interface of the engine, which sees what is `$has`.
macro_rules! joins {
    ($interface:path, $has:ty, $views:expr) => {{
        fn join(import: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
            use $interface as interface;
            interface::add_to_linker_instance::<Guest, $has>(import, via.of($views))
        }
        join
    }};
}

/// Those of `wasi:{cli,filesystem,sockets}`.
pub(super) static WASI: [Joinable; 15] = [
    Joinable::new("wasi:cli/environment@0.2.12", joins!(p2::cli::environment, WasiCli, CLI)).once(),
    Joinable::new("wasi:cli/stdin@0.2.12", joins!(p2::cli::stdin, WasiCli, CLI)).once(),
    Joinable::new("wasi:cli/stdout@0.2.12", joins!(p2::cli::stdout, WasiCli, CLI)).once(),
    Joinable::new("wasi:cli/stderr@0.2.12", joins!(p2::cli::stderr, WasiCli, CLI)).once(),
    Joinable::new("wasi:filesystem/preopens@0.2.12", joins!(p2::filesystem::preopens, WasiFilesystem, FILES)).once(),
    Joinable::new(
        "wasi:sockets/tcp-create-socket@0.2.12",
        joins!(p2::sockets::tcp_create_socket, WasiSockets, SOCKETS),
    )
    .once(),
    Joinable::new(
        "wasi:sockets/udp-create-socket@0.2.12",
        joins!(p2::sockets::udp_create_socket, WasiSockets, SOCKETS),
    )
    .once(),
    Joinable::new(names::P2, names::join_p2).once(),
    Joinable::concurrent("wasi:cli/environment@0.3.0", joins!(p3::cli::environment, WasiCli, CLI)).once(),
    Joinable::concurrent("wasi:cli/stdin@0.3.0", joins!(p3::cli::stdin, WasiCli, CLI)).once(),
    Joinable::concurrent("wasi:cli/stdout@0.3.0", joins!(p3::cli::stdout, WasiCli, CLI)).once(),
    Joinable::concurrent("wasi:cli/stderr@0.3.0", joins!(p3::cli::stderr, WasiCli, CLI)).once(),
    Joinable::concurrent("wasi:filesystem/preopens@0.3.0", joins!(p3::filesystem::preopens, WasiFilesystem, FILES))
        .once(),
    Joinable::concurrent("wasi:sockets/types@0.3.0", joins!(p3::sockets::types, WasiSockets, SOCKETS)).once(),
    Joinable::concurrent(names::P3, names::join_p3).once(),
];

/// Those of `wasi:http`.
pub(super) static WASI_HTTP: [Joinable; 2] = [
    Joinable::new("wasi:http/outgoing-handler@0.2.12", joins!(http_p2::outgoing_handler, WasiHttp, HTTP)).once(),
    Joinable::concurrent("wasi:http/client@0.3.0", joins!(http_p3::client, WasiHttp, HTTP)).once(),
];

#[cfg(test)]
mod tests {
    use super::super::{is_personal, offers};
    use super::{SHARED, is_shared};

    /// What is added to a host is put into one of the lists, so that nobody shares it by accident.
    #[test]
    fn in_exactly_one_list() {
        for offer in offers() {
            assert_ne!(is_shared(&offer.interface), is_personal(&offer.interface), "{}", offer.interface);
        }
    }

    /// What is shared is the host's, and found under other versions of its track.
    #[test]
    fn shared_by_track() {
        for shared in SHARED {
            assert!(offers().iter().any(|offer| offer.interface.to_string() == shared), "{shared}");
            let track = shared.rsplit_once('@').and_then(|(_, version)| version.split_once('.'));
            assert!(track.is_some_and(|(_, rest)| !rest.starts_with("0.") && !rest.contains('-')), "{shared}");
        }
    }
}
