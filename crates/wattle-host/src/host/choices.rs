//! Where apps keep their state, recorded: when an app starts, what defaults chose for it is what later starts find.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use wattle_spec::app::App;
use wattle_spec::backend::BackendKind;
use wattle_spec::choices::Choices;
use wattle_spec::control::Moment;
use wattle_spec::host_file::backend_of;
use wattle_spec::link::{Link, Provider};
use wattle_spec::name::AppId;

use super::Host;
use crate::error::StartError;

/// Where it is recorded what backends apps keep their state in. Who resolves an app is given what is recorded of it
/// ([`HostSpec::recorded`](wattle_spec::host_file::HostSpec::recorded)).
pub trait ChoiceBook: Send + Sync {
    /// What is recorded of `app`; nothing, if that is nothing.
    ///
    /// # Errors
    ///
    /// If what is recorded cannot be read.
    fn read(&self, app: &AppId) -> io::Result<Choices>;

    /// Records `choices` of `app` in the place of what was recorded. It is there for good when this returns.
    ///
    /// # Errors
    ///
    /// If that is not so: then there is what was there before.
    fn write(&self, app: &AppId, choices: &Choices) -> io::Result<()>;
}

/// A book that ends with its host.
#[derive(Default)]
pub(super) struct InMind(Mutex<BTreeMap<AppId, Choices>>);

impl ChoiceBook for InMind {
    fn read(&self, app: &AppId) -> io::Result<Choices> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(app).cloned().unwrap_or_default())
    }

    fn write(&self, app: &AppId, choices: &Choices) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(app.clone(), choices.clone());
        Ok(())
    }
}

impl Host {
    /// Records what defaults chose for `app`, before it can keep anything there. Where nothing can be recorded, an app that
    /// keeps nothing on the disk of this host runs all the same.
    pub(super) fn record(&self, app: &App) -> Result<(), StartError> {
        let named = self.loader.backends().named();
        let recorded = self.choice_book.read(&app.id).and_then(|known| {
            let choices = known.started(app, named, Moment(self.ground.clock.now()));
            if choices == known { Ok(()) } else { self.choice_book.write(&app.id, &choices) }
        });
        let is_on_disk = |link: &Link| match &link.provider {
            Provider::Backend(name) => {
                backend_of(app, named, name).is_some_and(|spec| spec.engine.kind() == BackendKind::Disk)
            }
            Provider::BuiltIn | Provider::Component { .. } => false,
        };
        match recorded {
            Err(error) if !app.components.values().flat_map(|component| &component.links).any(is_on_disk) => {
                let (app, error) = (&app.id, &error as &dyn std::error::Error);
                tracing::warn!(%app, error, "where it keeps its state is not recorded: a new default leads it elsewhere");
                Ok(())
            }
            recorded => recorded.map_err(|source| StartError::Unrecorded { app: app.id.clone(), source }),
        }
    }
}
