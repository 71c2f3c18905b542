//! The engine behind one module: Wasmtime in two profiles, its pools, its clock and its compiled code.
//!
//! Nothing outside this module configures Wasmtime. A component belongs to one profile, chosen by what its bytes need.

mod cache;
mod code;
mod compile;
mod epoch;
mod pool;
mod runtime;
mod turns;

use std::{fmt, io};

use wasmtime::{Config, Engine, InstanceAllocationStrategy};

pub use cache::{CodeCache, CodeCacheError};
pub(crate) use code::{Code, TrustedCode};
pub use compile::{CompileError, CompileInProcess, Compiler, compile};
use epoch::EpochClock;
pub use epoch::TICK;
use pool::Pool;
pub(crate) use runtime::GuestRuntime;
pub(crate) use turns::{Turn, next_turn};

/// A way to configure the engine. Components of one profile do not run on an engine of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Without the bookkeeping of component-model async: for components that validate without it.
    Fast,
    /// With component-model async: for WASI 0.3.
    Concurrent,
}

impl Profile {
    /// Every profile there is.
    pub const ALL: [Profile; 2] = [Profile::Fast, Profile::Concurrent];

    /// The name that stands in the compiled-code cache and on a compiler's command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Fast => "fast",
            Profile::Concurrent => "concurrent",
        }
    }

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What decides how code is generated. A compiler and the engine that runs its code must agree on all of it.
fn code_config(profile: Profile) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.concurrency_support(profile == Profile::Concurrent);
    config.wasm_component_model_implements(true);
    config.wasm_component_model_map(true);
    config.memory_init_cow(true);
    config
}

/// The engines of a host: one per profile, driven by one clock.
pub(crate) struct Engines {
    fast: (Engine, Pool),
    concurrent: (Engine, Pool),
    clock: EpochClock,
}

/// An engine whose instances are interrupted by a clock.
#[derive(Clone)]
pub(crate) struct PooledEngine {
    pub(crate) engine: Engine,
    pool: Pool,
}

/// Tells when the pool of an engine is nearly used up, and when there is room again: at the beginning and the end of an
/// instance.
pub(crate) struct PoolWatch(Pool);

impl Drop for PoolWatch {
    fn drop(&mut self) {
        // Many may have been begun before the first of them took anything.
        self.0.watch();
    }
}

impl PooledEngine {
    /// To be kept by an instance as long as it lives.
    pub(crate) fn watch(&self) -> PoolWatch {
        self.pool.watch();
        PoolWatch(self.pool.clone())
    }
}

impl Engines {
    /// Builds them with room for `instances` instances at a time in each.
    pub(crate) fn build(instances: u32) -> wasmtime::Result<Self> {
        // Errors are part of the request path: a Rust backtrace for each would cost more than the request.
        wasmtime::error::disable_backtrace();
        let fast = pool::engine(Profile::Fast, instances)?;
        let concurrent = pool::engine(Profile::Concurrent, instances)?;
        let clock = EpochClock::start(vec![fast.0.clone(), concurrent.0.clone()]);
        Ok(Self { fast, concurrent, clock })
    }

    pub(crate) fn of(&self, profile: Profile) -> &Engine {
        &self.with_pool(profile).0
    }

    fn with_pool(&self, profile: Profile) -> &(Engine, Pool) {
        match profile {
            Profile::Fast => &self.fast,
            Profile::Concurrent => &self.concurrent,
        }
    }

    pub(crate) fn pooled(&self, profile: Profile) -> PooledEngine {
        let (engine, pool) = self.with_pool(profile).clone();
        PooledEngine { engine, pool }
    }

    /// A runtime for a thread that runs guests on these engines.
    pub(crate) fn runtime(&self) -> io::Result<GuestRuntime> {
        GuestRuntime::new(self.clock.ticker())
    }
}

/// An engine that compiles and runs nothing, so that it needs no pool.
fn compiling_engine(profile: Profile) -> wasmtime::Result<Engine> {
    let mut config = code_config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config)
}
