//! The one place where machine code becomes a component or a core module: loading it is running it.

#![expect(unsafe_code, reason = "the engine cannot know where machine code comes from, so it asks for a promise")]

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

/// Code that can be joined to what it imports.
pub(crate) enum Code {
    Component(Component),
    Module(Module),
}

/// Machine code that our own compiler made.
pub(crate) struct TrustedCode<'a>(&'a [u8]);

impl<'a> TrustedCode<'a> {
    /// Takes the bytes that a [`Compiler`](super::Compiler) returned, in this process or over a pipe to its child.
    pub(crate) fn compiled(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the bytes of a file of the cache, after its owner, its mode and its seal were checked.
    pub(super) fn cached(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The code, if it was compiled for an engine like `engine`, which checks its version and its settings.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Code> {
        match Engine::detect_precompiled(self.0) {
            // SAFETY: the bytes are what the engine's compiler wrote: both ways to make a `TrustedCode` see to it.
            Some(Precompiled::Module) => unsafe { Module::deserialize(engine, self.0) }.map(Code::Module),
            // SAFETY: as above; bytes that are neither are refused.
            _ => unsafe { Component::deserialize(engine, self.0) }.map(Code::Component),
        }
    }
}
