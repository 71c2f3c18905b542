//! The one place where machine code becomes a component or a core module: loading it is running it.

#![expect(unsafe_code, reason = "the engine cannot know where machine code comes from, so it asks for a promise")]

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

/// Code that can be joined to what it imports.
pub(crate) enum Code {
    Component(Component),
    Module(Module),
}

/// Machine code that our own compiler made.
pub(crate) struct TrustedCode<'a>(Place<'a>);

/// Where it is.
enum Place<'a> {
    Memory(&'a [u8]),
    File(&'a File),
}

impl<'a> TrustedCode<'a> {
    /// Takes the bytes that a [`Compiler`](super::Compiler) returned, in this process or over a pipe to its child.
    pub(crate) fn compiled(bytes: &'a [u8]) -> Self {
        Self(Place::Memory(bytes))
    }

    /// Takes a file of the cache, after its owner, its mode and its seal were checked. Nobody writes to it: another one takes
    /// its place.
    pub(super) fn cached(file: &'a File) -> Self {
        Self(Place::File(file))
    }

    /// The code, if it was compiled for an engine like `engine`, which checks its version and its settings. That of a file
    /// is the file's memory, page by page as it is needed; where files must not be run, or have no names in `/proc`, it is
    /// read as a whole.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Code> {
        match self.0 {
            Place::Memory(bytes) => of_bytes(engine, bytes),
            Place::File(file) => of_file(engine, file).or_else(|_| {
                let mut bytes = Vec::new();
                let mut file = file;
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                of_bytes(engine, &bytes)
            }),
        }
    }
}

fn of_bytes(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Code> {
    match Engine::detect_precompiled(bytes) {
        // SAFETY: the bytes are what the engine's compiler wrote: both ways to make a `TrustedCode` see to it.
        Some(Precompiled::Module) => unsafe { Module::deserialize(engine, bytes) }.map(Code::Module),
        // SAFETY: as above; bytes that are neither are refused.
        _ => unsafe { Component::deserialize(engine, bytes) }.map(Code::Component),
    }
}

fn of_file(engine: &Engine, file: &File) -> wasmtime::Result<Code> {
    // This file, whatever has become of its name.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    match Engine::detect_precompiled_file(&path)? {
        // SAFETY: as above, and nobody writes to the file.
        Some(Precompiled::Module) => unsafe { Module::deserialize_file(engine, path) }.map(Code::Module),
        // SAFETY: as above.
        _ => unsafe { Component::deserialize_file(engine, path) }.map(Code::Component),
    }
}
