//! How much an app may keep while another version of it is tried.

use std::sync::Arc;

use wattle_spec::app::App;

use super::backends::Backends;
use super::prepare::Earlier;
use crate::error::StartError;

/// What the backends of an app were told that it may keep there. They are told again what was in force before when this is
/// dropped, unless it is kept.
pub(super) struct Quotas<'h> {
    backends: &'h Backends,
    /// `None`: there is nothing to be told.
    before: Option<Arc<App>>,
}

impl<'h> Quotas<'h> {
    /// Tells the `backends` how much `app` may keep, which is to take the place of `earlier`.
    pub(super) fn of(backends: &'h Backends, app: &App, earlier: Option<&Earlier>) -> Result<Self, StartError> {
        let quotas = Self { backends, before: earlier.map(|earlier| earlier.app.clone()) };
        backends.limit(app)?;
        Ok(quotas)
    }

    /// They stay as they are.
    pub(super) fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Quotas<'_> {
    fn drop(&mut self) {
        let Some(before) = &self.before else { return };
        if let Err(error) = self.backends.limit(before) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(app = %before.id, error, "what it may keep is that of the version that was tried");
        }
    }
}
