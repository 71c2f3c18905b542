//! Which links count for what an instance does now.

use std::sync::Arc;

use super::Current;
use crate::component::{Identity, Links};
use crate::invocation::TriggerKind;

/// The links that count for what an instance does now.
pub(crate) struct LinksInForce {
    links: Arc<Links>,
    /// Whether there is no next invocation that could begin with others: a service asks for them at each call.
    is_service: bool,
}

impl LinksInForce {
    /// Those that are in force now, for an invocation that begins.
    pub(super) fn of_new(current: &Current) -> Self {
        let is_service = current.trigger() == TriggerKind::Service;
        Self { links: current.identity().links.load_full(), is_service }
    }

    /// Whether others are in force since.
    pub(crate) fn are_old(&self, identity: &Identity) -> bool {
        !Arc::ptr_eq(&self.links, &identity.links.load())
    }

    /// The links, for a call of the host by an instance of `identity`.
    pub(crate) fn of(&mut self, identity: &Identity) -> &Arc<Links> {
        if self.is_service {
            self.links = identity.links.load_full();
        }
        &self.links
    }
}
