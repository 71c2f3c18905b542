//! A component that is loaded: its code, joined to what it imports, and who it is.

mod links;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use wasmtime::Store;
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wattle_spec::app::{InstancePolicy, Mount};
use wattle_spec::limits::ComponentLimits;
use wattle_spec::name::{AppId, ComponentName};
use wattle_spec::shape::Kind;

pub(crate) use self::links::Links;
use crate::answer::Failure;
use crate::capability::native::Natives;
use crate::cut::Cut;
use crate::engine::{PooledEngine, Profile};
use crate::instance::{AppMemory, Guest, LogRate};
use crate::invocation::RequestId;
use crate::outgoing::Outgoing;
use crate::telemetry::Series;
use crate::trigger::http::Warm;

/// A component of an app, ready to be instantiated.
pub(crate) struct Component {
    pub(crate) identity: Arc<Identity>,
    /// Those that are composed with it, in the order of their numbers.
    pub(crate) composed: Box<[Arc<Identity>]>,
    pub(crate) policy: InstancePolicy,
    pub(crate) engine: PooledEngine,
    /// What its instances take their memory from. `None`: it is kept for the one that there is.
    pub(crate) memory: Option<Arc<AppMemory>>,
    pub(crate) program: Program,
    pub(crate) service: Service,
    pub(crate) warm: Warm,
    /// Of the requests that it serves.
    pub(crate) cut: Cut,
}

impl Component {
    /// Whether its instances hold `identity`, as their own or as one that is composed with it.
    pub(crate) fn has(&self, identity: &Arc<Identity>) -> bool {
        std::iter::once(&self.identity).chain(&self.composed).any(|own| Arc::ptr_eq(own, identity))
    }
}

/// Who a component is and what it may: from the app that names it, the same for all its instances.
pub(crate) struct Identity {
    pub(crate) app: AppId,
    pub(crate) name: ComponentName,
    pub(crate) kind: Kind,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) limits: ComponentLimits,
    /// What new invocations find behind its imports.
    pub(crate) links: ArcSwap<Links>,
    pub(crate) outgoing: Outgoing,
    pub(crate) log_rate: LogRate,
    /// How often its failures are told.
    pub(crate) failure_rate: LogRate,
    /// Where it is counted what it does. `None`: nobody asked.
    pub(crate) series: Option<Arc<Series>>,
    /// What the program around the host implements.
    pub(crate) natives: Arc<Natives>,
}

impl Identity {
    /// Writes a failure of this component to the log, if that takes one more.
    pub(crate) fn log_failure(&self, failure: &Failure, request: RequestId, what: &str) {
        if self.may_tell_failure() {
            failure.log(&format!("{self}{what}"), request);
        }
    }

    /// Whether the log takes one more failure of this component in this second: whoever causes them from outside must not
    /// fill it. What it did not take is told here.
    pub(crate) fn may_tell_failure(&self) -> bool {
        let Ok(untold) = self.failure_rate.take() else { return false };
        if untold > 0 {
            tracing::warn!(component = %self, untold, "more failures than the log takes");
        }
        true
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.name)
    }
}

/// Code that is joined to what it imports.
#[derive(Clone)]
pub(crate) enum Program {
    Component(InstancePre<Guest>),
    /// A core module of preview 1, run as it is.
    Module(wasmtime::InstancePre<Guest>),
}

impl Program {
    /// How many bytes of machine code it has, with what belongs to it.
    pub(crate) fn code_len(&self) -> u64 {
        let image = match self {
            Program::Component(pre) => pre.component().image_range(),
            Program::Module(pre) => pre.module().image_range(),
        };
        (image.end.addr() - image.start.addr()) as u64
    }

    /// Makes an instance in `store`.
    pub(crate) async fn try_out(&self, store: &mut Store<Guest>) -> wasmtime::Result<()> {
        match self {
            Program::Component(pre) => pre.instantiate_async(store).await.map(drop),
            Program::Module(pre) => pre.instantiate_async(store).await.map(drop),
        }
    }
}

/// What answers requests in an instance.
pub(crate) enum Service {
    /// `wasi:http/incoming-handler@0.2`: one request at a time.
    Serial(ProxyPre<Guest>),
    /// `wasi:http/handler@0.3`: several at a time.
    Shared(ServicePre<Guest>),
    /// Nothing: no request reaches it.
    None,
}

impl Service {
    /// What an instance of `program` offers.
    pub(crate) fn of(kind: Kind, program: &Program) -> Self {
        let Program::Component(instance) = program else { return Self::None };
        match kind {
            Kind::Component03 => ServicePre::new(instance.clone()).map_or(Self::None, Self::Shared),
            Kind::Component02 | Kind::Module => ProxyPre::new(instance.clone()).map_or(Self::None, Self::Serial),
        }
    }
}

/// The engine profile that a component of `kind` needs.
pub(crate) fn profile_of(kind: Kind) -> Profile {
    match kind {
        Kind::Component03 => Profile::Concurrent,
        Kind::Component02 | Kind::Module => Profile::Fast,
    }
}
