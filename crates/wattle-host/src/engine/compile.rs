//! Compiling Wasm to machine code, off the request path and bounded.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use wattle_spec::limits::HostLimits;
use wattle_spec::units::Span;

use super::{Profile, compiling_engine};

/// Compiles `wasm`, a component or a core module, for `profile`, here and now. A child process that a [`Compiler`] starts calls this.
///
/// # Errors
///
/// [`CompileError::Refused`] if the engine does not take the bytes.
pub fn compile(profile: Profile, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
    let refused = |error: wasmtime::Error| CompileError::Refused { reason: format!("{error:#}") };
    let engine = compiling_engine(profile).map_err(refused)?;
    let code = match wasmparser::Parser::is_core_wasm(wasm) {
        true => engine.precompile_module(wasm),
        false => engine.precompile_component(wasm),
    };
    code.map_err(refused)
}

/// Turns Wasm into machine code somewhere: in a child process with limits, or in this one.
pub trait Compiler: Send + Sync {
    /// Compiles `wasm` for `profile` within the limits `compile_time` and `compile_memory`. Its size was checked. When what
    /// this returns is dropped, it ends; it may be asked for again.
    fn compile(
        &self,
        profile: Profile,
        wasm: Bytes,
        limits: &HostLimits,
    ) -> BoxFuture<'static, Result<Vec<u8>, CompileError>>;
}

/// Why nothing was compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The engine does not take the bytes.
    #[error("the engine refuses the code: {reason}")]
    Refused {
        /// What the engine said.
        reason: String,
    },
    /// More Wasm than `compile_size`.
    #[error("{size} bytes of Wasm are more than the {limit} that a component may have here (limit compile-size)")]
    TooLarge {
        /// How many bytes there are.
        size: u64,
        /// How many there may be.
        limit: wattle_spec::units::ByteSize,
    },
    /// Longer than `compile_time`.
    #[error("compiling took longer than {} (limit compile-time)", Span(*.0))]
    TooSlow(Duration),
    /// The compiling process was ended by its limits, or by the system.
    #[error(
        "the compiling process ended without a result ({status}), as it does at its limits compile-memory and compile-time"
    )]
    Died {
        /// How it ended.
        status: String,
    },
    /// The compiling process could not be used.
    #[error("cannot {operation} the compiling process")]
    Process {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl CompileError {
    /// What the operator can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            CompileError::TooLarge { .. } => Some("raise `compile-size` in [limits] of the host's file"),
            CompileError::TooSlow(_) => Some("raise `compile-time` in [limits] of the host's file"),
            CompileError::Died { .. } => {
                Some("raise `compile-memory` in [limits] of the host's file, or `compile-time` if it took that long")
            }
            CompileError::Refused { .. } | CompileError::Process { .. } => None,
        }
    }
}

/// Compiles in this process: for embedders that trust their components, with the cap on size alone.
#[derive(Debug, Default, Clone, Copy)]
pub struct CompileInProcess;

impl Compiler for CompileInProcess {
    fn compile(
        &self,
        profile: Profile,
        wasm: Bytes,
        limits: &HostLimits,
    ) -> BoxFuture<'static, Result<Vec<u8>, CompileError>> {
        let time = limits.compile_time;
        Box::pin(async move {
            let job = tokio::task::spawn_blocking(move || compile(profile, &wasm));
            match tokio::time::timeout(time, job).await {
                Ok(Ok(done)) => done,
                Ok(Err(panic)) => Err(CompileError::Died { status: panic.to_string() }),
                Err(_) => Err(CompileError::TooSlow(time)),
            }
        })
    }
}
