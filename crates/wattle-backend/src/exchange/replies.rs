//! Requests that wait for their answer, each at a subject of its own that nobody can guess.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wattle_spec::subject::Subject;

use crate::bucket::Owner;
use crate::bus::{Message, REPLY_PREFIX};

/// The requests that wait.
#[derive(Default)]
pub(super) struct Replies(Arc<Mutex<HashMap<Subject, Asked>>>);

struct Asked {
    owner: Owner,
    answer: oneshot::Sender<Message>,
}

/// A request that waits. Dropped, it waits no more.
pub(super) struct Waiting {
    replies: Replies,
    pub(super) reply_to: Subject,
    pub(super) answer: oneshot::Receiver<Message>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.replies.lock().remove(&self.reply_to);
    }
}

impl Replies {
    /// Waits for an answer to a request of `owner`.
    pub(super) fn open(&self, owner: &Owner) -> Waiting {
        let (sender, answer) = oneshot::channel();
        // Each of these hashers has keys of its own, from the system's random numbers at first.
        let random = || RandomState::new().hash_one(owner);
        let subject = format!("{REPLY_PREFIX}{:016x}{:016x}", random(), random());
        let reply_to: Subject = subject.parse().expect("invariant: letters and digits are a subject");
        self.lock().insert(reply_to.clone(), Asked { owner: owner.clone(), answer: sender });
        Waiting { replies: Self(self.0.clone()), reply_to, answer }
    }

    /// Whether `message` is an answer, to be heard only by who asked. Who no longer waits for it does not get it.
    pub(super) fn answer(&self, owner: &Owner, message: &Message) -> bool {
        if !message.subject.as_str().starts_with(REPLY_PREFIX) {
            return false;
        }
        let asked = {
            let mut replies = self.lock();
            match replies.get(&message.subject) {
                Some(asked) if asked.owner == *owner => replies.remove(&message.subject),
                _ => None,
            }
        };
        if let Some(asked) = asked {
            // It may have given up just now.
            let _ = asked.answer.send(message.clone());
        }
        true
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    // Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
