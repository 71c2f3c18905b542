//! The engine behind one module: Wasmtime in two profiles, its pools, its clock and its compiled code.
//!
//! Nothing outside this module configures Wasmtime. A component belongs to one profile, chosen by what its bytes need.

mod cache;
mod code;
mod compile;
mod epoch;
mod pool;

use std::fmt;

use wasmtime::{Config, Engine, InstanceAllocationStrategy};

pub use cache::{CodeCache, CodeCacheError};
pub(crate) use code::{Code, TrustedCode};
pub use compile::{CompileError, CompileInProcess, Compiler, compile};
pub use epoch::TICK;
pub(crate) use epoch::Ticking;
use epoch::{EpochClock, Ticker};

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
    fast: Engine,
    concurrent: Engine,
    clock: EpochClock,
}

/// An engine whose instances are interrupted by a clock.
#[derive(Clone)]
pub(crate) struct ClockedEngine {
    pub(crate) engine: Engine,
    ticker: Ticker,
}

impl ClockedEngine {
    /// Keeps the clock going for an instance, as long as what it returns lives.
    pub(crate) fn tick(&self) -> Ticking {
        self.ticker.tick()
    }
}

impl Engines {
    /// Builds them with room for `instances` instances at a time in each.
    pub(crate) fn build(instances: u32) -> wasmtime::Result<Self> {
        // Errors are part of the request path: a Rust backtrace for each would cost more than the request.
        wasmtime::error::disable_backtrace();
        let fast = pool::engine(Profile::Fast, instances)?;
        let concurrent = pool::engine(Profile::Concurrent, instances)?;
        let clock = EpochClock::start(vec![fast.clone(), concurrent.clone()]);
        Ok(Self { fast, concurrent, clock })
    }

    pub(crate) fn of(&self, profile: Profile) -> &Engine {
        match profile {
            Profile::Fast => &self.fast,
            Profile::Concurrent => &self.concurrent,
        }
    }

    pub(crate) fn clocked(&self, profile: Profile) -> ClockedEngine {
        ClockedEngine { engine: self.of(profile).clone(), ticker: self.clock.ticker() }
    }
}

/// An engine that compiles and runs nothing, so that it needs no pool.
fn compiling_engine(profile: Profile) -> wasmtime::Result<Engine> {
    let mut config = code_config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config)
}
