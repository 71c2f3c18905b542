//! Where a route leads: to an app that sleeps, or to a component or a folder of one that runs, and what both share with the
//! rest of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wattle_spec::name::{AppId, ComponentName};

use super::admission::{Admission, Permit};
use super::exchange::Exchange;
use super::files::Folder;
use super::sleeper::Sleeper;
use crate::answer::Failure;
use crate::component::Component;
use crate::telemetry::Series;

/// What is behind a route of a host.
#[derive(Clone)]
pub(crate) enum Door {
    Open(Arc<Target>),
    /// Nothing yet: the app has to be woken.
    Asleep(Arc<Sleeper>),
}

/// Where a route of an app that runs leads.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) answerer: Answerer,
    pub(crate) requests: Arc<Admission>,
    pub(crate) queue_time: Duration,
    /// The pattern of the route's path, as in a manifest.
    pub(crate) pattern: Arc<str>,
    /// Where it is counted. `None`: nobody asked.
    pub(crate) series: Option<Arc<Series>>,
}

/// Who answers.
#[derive(Clone)]
pub(crate) enum Answerer {
    Component(Arc<Component>),
    Folder(Arc<Folder>),
}

impl Door {
    /// Whose it is.
    pub(crate) fn app(&self) -> &AppId {
        match self {
            Self::Open(target) => target.answerer.app(),
            Self::Asleep(sleeper) => &sleeper.app,
        }
    }
}

impl Target {
    /// A place for a request that came by this `exchange`, in the app and on the `host`.
    pub(super) async fn enter(&self, host: &Admission, exchange: &Exchange) -> Result<Permit, Failure> {
        match exchange {
            // Whoever sent it has a place itself: those who wait could wait for one another.
            Exchange::Inside => self.requests.try_enter(host),
            Exchange::Http1(_) | Exchange::Http2(_) => self.requests.enter(host, self.queue_time).await,
        }
    }
}

impl Answerer {
    /// Whose it is.
    pub(crate) fn app(&self) -> &AppId {
        match self {
            Answerer::Component(component) => &component.identity.app,
            Answerer::Folder(folder) => &folder.app,
        }
    }

    /// The component, if it is one.
    pub(crate) fn component(&self) -> Option<&ComponentName> {
        match self {
            Answerer::Component(component) => Some(&component.identity.name),
            Answerer::Folder(_) => None,
        }
    }
}

impl fmt::Display for Answerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answerer::Component(component) => component.identity.fmt(f),
            Answerer::Folder(folder) => folder.fmt(f),
        }
    }
}
