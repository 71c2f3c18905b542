//! What imports let a component touch, in words for people.

use std::collections::BTreeSet;

use super::ImportName;
use crate::interface::Interface;

/// What somebody who is given `imports` could touch, sorted: an upper bound, since a host may give less. An import that
/// is not known comes as its own name.
pub fn reach(imports: &[ImportName]) -> Vec<String> {
    let words: BTreeSet<String> = imports
        .iter()
        .filter_map(|import| match import {
            ImportName::Interface(interface) | ImportName::Labelled { interface, .. } => of_interface(interface),
            ImportName::Plain(name) => of_plain(name),
        })
        .collect();
    words.into_iter().collect()
}

/// Whether an interface lets a component touch nothing outside of itself, as `wasi:io` does.
pub fn touches_nothing(interface: &Interface) -> bool {
    of_interface(interface).is_none()
}

/// Word by package and interface. `*` stands for all the interfaces of a package that are not named before, an empty
/// word for what touches nothing outside of the component.
const WORDS: &[(&str, &str, &str)] = &[
    ("wasi:io", "*", ""),
    ("wasi:http", "outgoing-handler", "network: outgoing HTTP"),
    ("wasi:http", "client", "network: outgoing HTTP"),
    ("wasi:http", "handler", "network: outgoing HTTP"),
    ("wasi:http", "*", ""),
    ("wasi:sockets", "ip-name-lookup", "network: names (DNS)"),
    ("wasi:sockets", "*", "network: sockets"),
    ("wasi:tls", "*", "network: sockets"),
    ("wasi:filesystem", "*", "files"),
    ("wasi:cli", "environment", "environment and arguments"),
    ("wasi:cli", "stdin", "standard input"),
    ("wasi:cli", "terminal-stdin", "standard input"),
    ("wasi:cli", "stdout", "standard output"),
    ("wasi:cli", "stderr", "standard output"),
    ("wasi:cli", "terminal-stdout", "standard output"),
    ("wasi:cli", "terminal-stderr", "standard output"),
    ("wasi:cli", "exit", ""),
    ("wasi:cli", "types", ""),
    ("wasi:cli", "terminal-input", ""),
    ("wasi:cli", "terminal-output", ""),
    ("wasi:random", "*", "random numbers"),
    ("wasi:clocks", "types", ""),
    ("wasi:clocks", "*", "clocks"),
    ("wasi:keyvalue", "*", "keyvalue state"),
    ("wasmcloud:keyvalue", "*", "keyvalue state"),
    ("wasi:blobstore", "*", "blob state"),
    ("wasmcloud:blobstore", "*", "blob state"),
    ("wasi:messaging", "*", "messaging"),
    ("wasmcloud:messaging", "*", "messaging"),
    ("wasi:config", "*", "configuration"),
    ("wasi:logging", "*", "log"),
];

fn of_interface(interface: &Interface) -> Option<String> {
    let package = format!("{}:{}", interface.namespace, interface.package);
    let name = interface.name.as_deref().unwrap_or("*");
    let row = WORDS.iter().find(|(of, row, _)| *of == package && (*row == name || *row == "*"));
    match row {
        Some((_, _, "")) => None,
        Some((_, _, word)) => Some((*word).into()),
        None => Some(interface.to_string()),
    }
}

/// Word, and what stands for it in WASI 0.2, by the beginning of a function's name in preview 1. Files are opened by
/// `path_open`, so what reads and writes stands for the standard streams.
const PREVIEW_1: &[(&str, &str, &str)] = &[
    ("args_", "environment and arguments", "wasi:cli/environment"),
    ("environ_", "environment and arguments", "wasi:cli/environment"),
    ("clock_", "clocks", "wasi:clocks/monotonic-clock"),
    ("random_", "random numbers", "wasi:random/random"),
    ("path_", "files", "wasi:filesystem/types"),
    ("fd_write", "files and standard output", "wasi:cli/stdout"),
    ("fd_read", "files and standard input", "wasi:cli/stdin"),
    ("fd_prestat_", "files", "wasi:filesystem/preopens"),
    ("fd_readdir", "files", "wasi:filesystem/types"),
    ("fd_", "", "wasi:io/streams"),
    ("sock_", "network: sockets", "wasi:sockets/tcp"),
    ("poll_", "clocks", "wasi:clocks/monotonic-clock"),
    ("proc_", "", "wasi:cli/exit"),
    ("sched_", "", "wasi:io/poll"),
];

fn of_plain(name: &str) -> Option<String> {
    match preview_1(name) {
        Some((_, "", _)) => None,
        Some((_, word, _)) => Some((*word).into()),
        None => Some(name.into()),
    }
}

fn preview_1(name: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let function = ["wasi_snapshot_preview1.", "wasi_unstable."].iter().find_map(|module| name.strip_prefix(module))?;
    PREVIEW_1.iter().find(|(prefix, ..)| function.starts_with(prefix))
}

/// The interface that does in WASI 0.2 what the function of preview 1 `name` does.
pub fn stands_for(name: &str) -> Option<Interface> {
    let (_, _, interface) = preview_1(name)?;
    Some(interface.parse().expect("invariant: names of built-in interfaces parse"))
}
