//! What comes from registries for one app: whoever wants to know asks how much has come, and whoever does not want it any more
//! has it given up.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;
use wattle_artifact::progress::Progress;
use wattle_host::StartError;
use wattle_spec::control::{PulledArtifact, Pulling};
use wattle_spec::name::AppName;
use wattle_spec::reference::Reference;

use super::Asking;
use crate::problem::Problem;

/// What is asked of registries, and who is told what comes of it.
#[derive(Clone)]
pub(crate) struct Errand {
    pub(crate) asking: Asking,
    pub(crate) pulls: Pulls,
}

impl From<Asking> for Errand {
    /// Nobody wants to know.
    fn from(asking: Asking) -> Self {
        Self { asking, pulls: Pulls::default() }
    }
}

/// What comes for one app. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Pulls(Arc<State>);

#[derive(Default)]
struct State {
    /// What the app is called, as soon as that is known.
    name: OnceLock<AppName>,
    under_way: Mutex<Vec<(Reference, Progress)>>,
    given_up: watch::Sender<bool>,
}

impl Pulls {
    /// The app is called so.
    pub(crate) fn is_for(&self, name: &AppName) {
        // It is the same each time.
        let _ = self.0.name.set(name.clone());
    }

    /// What the app is called, if that is known.
    pub(crate) fn name(&self) -> Option<&AppName> {
        self.0.name.get()
    }

    /// Who is told what comes of `reference`.
    pub(super) fn of(&self, reference: &Reference) -> Progress {
        let progress = Progress::default();
        self.lock().push((reference.clone(), progress.clone()));
        progress
    }

    /// How much has come. `None`: nothing is to come, as far as it is known.
    pub(crate) fn now(&self) -> Option<Pulling> {
        let mut pulling = Pulling::default();
        for (reference, progress) in &*self.lock() {
            let moved = progress.now();
            pulling.bytes += moved.done;
            pulling.total_bytes += moved.of;
            if moved.done < moved.of {
                let (reference, bytes, total_bytes) = (reference.to_string(), moved.done, moved.of);
                pulling.artifacts.push(PulledArtifact { reference, bytes, total_bytes });
            }
        }
        (!pulling.artifacts.is_empty()).then_some(pulling)
    }

    /// Nobody wants it any more.
    pub(crate) fn give_up(&self) {
        self.0.given_up.send_replace(true);
    }

    /// What `work` gives, unless nobody wants it any more, as when the host ends.
    pub(super) async fn unless_given_up<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let mut given_up = self.0.given_up.subscribe();
        tokio::select! {
            done = work => Ok(done),
            // The sender is there as long as this is.
            _ = given_up.wait_for(|is_given_up| *is_given_up) => Err(StartError::Ending.into()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Reference, Progress)>> {
        // Whole at every point where a panic could come.
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
