//! Who compiles when: one component at a time, in the order in which they come. One that takes long makes way for those that
//! wait and goes on beside them, but one of that kind at a time.
//!
//! So there are two compiling processes at most, and nobody waits for longer than `compile-turn` for each one before it,
//! however long that takes.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::timeout;
use wattle_spec::digest::Digest;
use wattle_spec::limits::HostLimits;
use wattle_spec::name::ComponentName;

use super::turns::{Turn, Turns};
use crate::engine::{CompileError, Compiler, Profile};

/// Has components compiled.
pub(super) struct Compiling {
    compiler: Arc<dyn Compiler>,
    limits: HostLimits,
    /// Who has this compiles, for as long as a turn is.
    turn: Mutex<()>,
    /// Who has this takes longer than a turn.
    beside: Mutex<()>,
    /// Whose turn it is to have the same code made.
    wanted: Turns<Digest>,
}

/// Where one is that wants a component compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before its turn.
    Waits,
    /// It is compiled.
    Works,
}

impl Compiling {
    pub(super) fn new(compiler: Arc<dyn Compiler>, limits: HostLimits) -> Self {
        Self { compiler, limits, turn: Mutex::default(), beside: Mutex::default(), wanted: Turns::default() }
    }

    /// While this is there, nobody else has the code of `digest` made: who waited looks whether it is there.
    pub(super) async fn of(&self, digest: &Digest) -> Turn {
        self.wanted.of(digest).await
    }

    /// Compiles `wasm`, which is for the component `name`, when its turn comes, and tells where it is meanwhile.
    pub(super) async fn compile(
        &self,
        profile: Profile,
        name: &ComponentName,
        wasm: Bytes,
        tell: impl Fn(Place),
    ) -> Result<Vec<u8>, CompileError> {
        let HostLimits { compile_size, compile_turn, .. } = self.limits;
        if wasm.len() as u64 > compile_size.0 {
            return Err(CompileError::TooLarge { size: wasm.len() as u64, limit: compile_size });
        }
        let turn = self.turn.lock().await;
        tell(Place::Works);
        let mut job = self.compiler.compile(profile, wasm.clone(), &self.limits);
        if let Ok(done) = timeout(compile_turn, &mut job).await {
            return done;
        }
        if let Ok(_beside) = self.beside.try_lock() {
            drop(turn);
            return job.await;
        }
        // Two that take long would be three processes: this one ends, and begins anew when the other has ended.
        drop(job);
        drop(turn);
        tell(Place::Waits);
        tracing::info!(component = %name, "compiling takes long, as of another component already: it waits for that");
        let _beside = self.beside.lock().await;
        tell(Place::Works);
        self.compiler.compile(profile, wasm, &self.limits).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use futures::future::{BoxFuture, join3};
    use tokio::sync::watch;

    use super::*;

    /// Is done at once with what is empty, and with everything else when it is told; and counts how many it has at a time.
    struct OnWord {
        said: watch::Receiver<bool>,
        /// One for each that is under way.
        under_way: Arc<()>,
        most: Arc<std::sync::Mutex<usize>>,
    }

    impl Compiler for OnWord {
        fn compile(
            &self,
            _: Profile,
            wasm: Bytes,
            _: &HostLimits,
        ) -> BoxFuture<'static, Result<Vec<u8>, CompileError>> {
            let (mut said, under_way, most) = (self.said.clone(), self.under_way.clone(), self.most.clone());
            async move {
                {
                    // The compiler has one itself.
                    let mut most = most.lock().expect("nothing panics");
                    *most = (*most).max(Arc::strong_count(&under_way) - 1);
                }
                if !wasm.is_empty() {
                    let _ = said.wait_for(|said| *said).await;
                }
                drop(under_way);
                Ok(wasm.to_vec())
            }
            .boxed()
        }
    }

    /// Two that do not end hold up the one behind them for a turn each, and are done when they can be.
    #[tokio::test]
    async fn beside_what_takes_long() {
        let (say, said) = watch::channel(false);
        let most = Arc::default();
        let compiler = OnWord { said, under_way: Arc::default(), most: Arc::clone(&most) };
        let limits = HostLimits { compile_turn: Duration::from_millis(20), ..HostLimits::default() };
        let compiling = Compiling::new(Arc::new(compiler), limits);
        let name = "web".parse().expect("a name");
        let compile = |wasm: &'static [u8]| compiling.compile(Profile::Fast, &name, Bytes::from_static(wasm), drop);
        let quick = async {
            let done = compile(b"").await;
            assert!(!*say.borrow(), "it waited for the others");
            say.send_replace(true);
            done
        };
        let (one, two, three) = join3(compile(b"one"), compile(b"two"), quick).await;
        assert_eq!([one, two, three].map(|done| done.expect("it compiles")), [&b"one"[..], b"two", b""]);
        assert_eq!(*most.lock().expect("nothing panics"), 2);
    }
}
