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

/// Word by the beginning of a function's name in preview 1.
const PREVIEW_1: &[(&str, &str)] = &[
    ("args_", "environment and arguments"),
    ("environ_", "environment and arguments"),
    ("clock_", "clocks"),
    ("random_", "random numbers"),
    ("path_", "files"),
    ("fd_write", "files and standard output"),
    ("fd_read", "files and standard input"),
    ("fd_prestat_", "files"),
    ("fd_readdir", "files"),
    ("fd_", ""),
    ("sock_", "network: sockets"),
    ("poll_", "clocks"),
    ("proc_", ""),
    ("sched_", ""),
];

fn of_plain(name: &str) -> Option<String> {
    let function = ["wasi_snapshot_preview1.", "wasi_unstable."].iter().find_map(|module| name.strip_prefix(module));
    match function.and_then(|function| PREVIEW_1.iter().find(|(prefix, _)| function.starts_with(prefix))) {
        Some((_, "")) => None,
        Some((_, word)) => Some((*word).into()),
        None => Some(name.into()),
    }
}
