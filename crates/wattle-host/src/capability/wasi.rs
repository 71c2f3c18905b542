//! The WASI core, 0.2 and 0.3: clocks, randomness, standard streams, and of files, sockets and environment what the
//! manifest grants.

use wasmtime::component::Linker;
use wasmtime_wasi::{FsPerms, WasiCtx};
use wattle_spec::app::Access;
use wattle_spec::resolve::Offer;
use wattle_spec::shape::Kind;

use super::joinable::Joinable;
use super::{Capability, offering, personal};
use crate::component::Identity;
use crate::engine::Profile;
use crate::instance::{Guest, LineLog, ProcessStreams, Source, Wasi};
use crate::outgoing::Found;

/// `wasi:{io,clocks,random,cli,filesystem,sockets}`.
pub(super) struct WasiCore;

impl Capability for WasiCore {
    fn offers(&self) -> Vec<Offer> {
        offering(
            &[
                "wasi:io/error@0.2.12",
                "wasi:io/poll@0.2.12",
                "wasi:io/streams@0.2.12",
                "wasi:clocks/wall-clock@0.2.12",
                "wasi:clocks/monotonic-clock@0.2.12",
                "wasi:random/random@0.2.12",
                "wasi:random/insecure@0.2.12",
                "wasi:random/insecure-seed@0.2.12",
                "wasi:cli/environment@0.2.12",
                "wasi:cli/exit@0.2.12",
                "wasi:cli/stdin@0.2.12",
                "wasi:cli/stdout@0.2.12",
                "wasi:cli/stderr@0.2.12",
                "wasi:cli/terminal-input@0.2.12",
                "wasi:cli/terminal-output@0.2.12",
                "wasi:cli/terminal-stdin@0.2.12",
                "wasi:cli/terminal-stdout@0.2.12",
                "wasi:cli/terminal-stderr@0.2.12",
                "wasi:filesystem/types@0.2.12",
                "wasi:filesystem/preopens@0.2.12",
                "wasi:sockets/network@0.2.12",
                "wasi:sockets/instance-network@0.2.12",
                "wasi:sockets/ip-name-lookup@0.2.12",
                "wasi:sockets/tcp@0.2.12",
                "wasi:sockets/tcp-create-socket@0.2.12",
                "wasi:sockets/udp@0.2.12",
                "wasi:sockets/udp-create-socket@0.2.12",
                "wasi:clocks/types@0.3.0",
                "wasi:clocks/system-clock@0.3.0",
                "wasi:clocks/monotonic-clock@0.3.0",
                "wasi:random/random@0.3.0",
                "wasi:random/insecure@0.3.0",
                "wasi:random/insecure-seed@0.3.0",
                "wasi:cli/types@0.3.0",
                "wasi:cli/environment@0.3.0",
                "wasi:cli/exit@0.3.0",
                "wasi:cli/stdin@0.3.0",
                "wasi:cli/stdout@0.3.0",
                "wasi:cli/stderr@0.3.0",
                "wasi:cli/terminal-input@0.3.0",
                "wasi:cli/terminal-output@0.3.0",
                "wasi:cli/terminal-stdin@0.3.0",
                "wasi:cli/terminal-stdout@0.3.0",
                "wasi:cli/terminal-stderr@0.3.0",
                "wasi:filesystem/types@0.3.0",
                "wasi:filesystem/preopens@0.3.0",
                "wasi:sockets/types@0.3.0",
                "wasi:sockets/ip-name-lookup@0.3.0",
            ],
            None,
        )
    }

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        wasmtime_wasi::p2::add_to_linker_async(linker)?;
        if let Profile::Concurrent = profile {
            wasmtime_wasi::p3::add_to_linker(linker)?;
        }
        Ok(())
    }

    fn joinable(&self) -> &'static [Joinable] {
        &personal::WASI
    }
}

/// Where the standard streams of an instance lead.
pub(crate) enum Console<'a> {
    /// Its output becomes log lines, its input is empty.
    Log,
    /// To those of this process.
    Process(&'a ProcessStreams),
}

/// What a command is called with. By default nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommandLine {
    /// The name of the program first.
    pub(crate) arguments: Vec<String>,
    /// Variables beside those of its manifest.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What an instance of `identity` sees of the world: nothing that its manifest does not grant.
pub(crate) fn context(
    identity: &Identity,
    log: &LineLog,
    command_line: &CommandLine,
    console: Console<'_>,
) -> (Wasi, Found) {
    let mut builder = WasiCtx::builder();
    match console {
        Console::Log => {
            builder.stdout(log.stream(Source::Stdout)).stderr(log.stream(Source::Stderr));
        }
        Console::Process(streams) => {
            builder.stdin(std::io::stdin()).stdout(streams.stdout.clone()).stderr(streams.stderr.clone());
            // It has its thread to itself.
            builder.allow_blocking_current_thread(true);
        }
    }
    let found = identity.outgoing.grant_sockets(&mut builder);
    builder.max_random_size(identity.limits.host_call_bytes.0);
    builder.args(&command_line.arguments);
    for (name, value) in &command_line.variables {
        builder.env(name, value);
    }
    for (name, value) in &identity.env {
        builder.env(name, value);
    }
    for mount in &identity.mounts {
        let permissions = match mount.access {
            Access::Read => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        if let Err(error) = builder.preopened_dir(&mount.host, &mount.guest, permissions) {
            log.line(Source::Stderr, "", format!("the mount {} cannot be opened: {error:#}", mount.guest).as_bytes());
        }
    }
    let wasi = match identity.kind {
        Kind::Module => Wasi::module(builder.build_p1(), identity),
        Kind::Component02 | Kind::Component03 => Wasi::Component(builder.build()),
    };
    (wasi, found)
}
