//! `wasi_snapshot_preview1`: what core modules of preview 1 import, over the same grants as the WASI core.

use wasmtime::Linker;
use wasmtime_wasi::{I32Exit, p1};

use crate::instance::Guest;

const MODULE: &str = "wasi_snapshot_preview1";

/// A linker that has all of it.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_async(&mut linker, Guest::preview1)?;
    // The engine's own refuses codes above 125, which programs do use.
    linker.allow_shadowing(true);
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> { Err(I32Exit(code).into()) })?;
    Ok(linker)
}
