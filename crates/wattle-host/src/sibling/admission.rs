//! How many calls of a component are under way at a time, each of which has an instance.

use std::sync::Arc;

use crate::capability::patience::Patience;
use crate::invocation::Invocation;
use crate::places::{Place, Places};
use crate::trigger::call::{Busy, Failed};

/// The limit of a component, of its app and of the host.
pub(crate) const LIMIT: &str = "concurrent-calls";

/// The places that calls of one component need.
///
/// Only those of the component are waited for. Components do not call each other in a circle, so somebody who has such a
/// place always gets on; whoever waited for the app's or the host's could hold what others wait for.
pub(crate) struct Admission {
    pub(crate) component: Arc<Places>,
    pub(crate) app: Arc<Places>,
    pub(crate) host: Arc<Places>,
}

/// The places of one call.
pub(super) struct Admitted {
    _component: Place,
    _app: Place,
    _host: Place,
}

impl Admission {
    /// Places for the call `invocation`; waits until its deadline for one of the component's, and no longer than whoever
    /// calls has `patience`.
    pub(super) async fn enter(&self, invocation: &Invocation, patience: &Patience) -> Result<Admitted, Failed> {
        let Ok(Ok(component)) = patience.within(invocation.within(self.component.enter())).await else {
            return Err(Failed::Busy(Busy::Places(LIMIT)));
        };
        let full = |whose| Failed::Full { limit: LIMIT, whose };
        let app = self.app.try_enter().ok_or(full("its app"))?;
        let host = self.host.try_enter().ok_or(full("the host"))?;
        Ok(Admitted { _component: component, _app: app, _host: host })
    }
}
