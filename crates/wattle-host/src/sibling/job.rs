//! One call of a component by another, on its way.

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime::component::Val;

use super::arguments::Held;
use super::signature::Function;
use crate::invocation::Invocation;
use crate::trigger::call::Failed;

/// One call.
pub(super) struct Job {
    pub(super) function: Arc<Function>,
    pub(super) arguments: Vec<Val>,
    pub(super) invocation: Invocation,
    /// What the arguments hold, as long as they are there.
    pub(super) _held: Held,
}

/// What a call gives.
pub(super) type Answer = Result<Vec<Val>, Failed>;

/// A call with whoever waits for it.
pub(super) struct Called {
    pub(super) job: Job,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Job {
    /// The call, and where its answer comes.
    pub(super) fn asked(self) -> (Called, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Called { job: self, answer }, answered)
    }

    /// Room for what the function returns.
    pub(super) fn results(&self) -> Vec<Val> {
        vec![Val::Bool(false); self.function.results]
    }
}
