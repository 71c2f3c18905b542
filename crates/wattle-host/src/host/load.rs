//! From a component's bytes to a component that can be instantiated: cached code or compiling, then joining to its
//! providers, then a first instance to see that it starts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::timeout_at;
use wasmtime::component::Linker;
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::control::{ComponentProgress, Progress};
use wattle_spec::digest::Digest;
use wattle_spec::limits::HostLimits;
use wattle_spec::name::ComponentName;
use wattle_spec::shape::{ImportName, Kind};
use wattle_spec::units::Span;

use super::backends::Backends;
use super::compiling::{Compiling, Place};
use super::crew::Crew;
use super::links::Joining;
use super::order;
use crate::capability::joinable::Import;
use crate::capability::native::Natives;
use crate::capability::{linker, preview1, with_imports};
use crate::component::{Component, Identity, Program, Service, profile_of};
use crate::cores::Cores;
use crate::cut::Cut;
use crate::engine::{Code, CodeCache, CompileError, Compiler, Engines, Profile, TrustedCode};
use crate::error::{HostError, StartError};
use crate::instance::{AppMemory, Guest, GuestMemory, LogRate, new_store};
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::outgoing::{self, Network, Outgoing};
use crate::places::Places;
use crate::sibling::{self, Admission, Callee, LIMIT, Sibling};
use crate::telemetry::Telemetry;
use crate::trigger::http::Warm;

/// The longest that the first instance of a component may take to be made, whatever its requests may take.
const TRIAL_MAX: Duration = Duration::from_secs(30);

/// Failures of one component that are told in a second; the others are counted.
const FAILURES_PER_SECOND: u32 = 10;

/// Where the bytes of components come from.
pub trait Source: Send + Sync {
    /// The bytes with this digest.
    fn read(&self, digest: &Digest) -> BoxFuture<'static, io::Result<Bytes>>;
}

impl Source for BTreeMap<Digest, Bytes> {
    fn read(&self, digest: &Digest) -> BoxFuture<'static, io::Result<Bytes>> {
        let bytes = self.get(digest).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
        Box::pin(std::future::ready(bytes))
    }
}

/// What makes components.
pub(super) struct Loader {
    linkers: BTreeMap<&'static str, Linker<Guest>>,
    preview1: wasmtime::Linker<Guest>,
    compiling: Compiling,
    code_cache: Option<CodeCache>,
    providers: Providers,
    engines: Arc<Engines>,
    /// Those of calls of components by others.
    calls: Arc<Places>,
    /// That of all instances.
    memory: Arc<GuestMemory>,
}

/// What the host has for the imports of components.
pub(super) struct Providers {
    pub(super) backends: Backends,
    pub(super) network: Arc<Network>,
    /// `None`: nobody asked for metrics or traces.
    pub(super) telemetry: Option<Arc<Telemetry>>,
    pub(super) natives: Arc<Natives>,
}

/// An app while its components are made.
pub(super) struct Starting<'a> {
    pub(super) app: &'a App,
    pub(super) source: &'a dyn Source,
    pub(super) network: Arc<Network>,
    pub(super) outgoing: Arc<outgoing::Places>,
    /// What its instances take their memory from.
    pub(super) memory: Arc<AppMemory>,
    /// Who is told how far it is. It is told often, and must not wait.
    pub(super) tell: &'a (dyn Fn(Progress) + Send + Sync),
    /// How many components are made.
    pub(super) all: usize,
    /// The components that are made.
    pub(super) siblings: Siblings,
}

impl Starting<'_> {
    /// Tells that the code of `component`, which is the next, is compiled, or waits for that.
    fn tell_of(&self, component: &ComponentName, place: Place) {
        let next = ComponentProgress { component: component.clone(), nth: self.siblings.len() + 1, of: self.all };
        (self.tell)(match place {
            Place::Waits => Progress::Queued(next),
            Place::Works => Progress::Compiling(next),
        });
    }

    /// Who a component is that is made.
    fn identity(&self, callee: &ComponentName) -> Result<Arc<Identity>, StartError> {
        let reason = || format!("the component {callee} was not made");
        let missing = || StartError::Link { component: callee.clone(), reason: reason() };
        Ok(self.siblings.get(callee).ok_or_else(missing)?.component().identity.clone())
    }
}

/// The components of an app that are made, by name: each before those that call it.
pub(super) type Siblings = BTreeMap<ComponentName, Arc<Sibling>>;

impl Loader {
    pub(super) fn new(
        engines: Arc<Engines>,
        limits: HostLimits,
        compiler: Arc<dyn Compiler>,
        code_cache: Option<CodeCache>,
        providers: Providers,
    ) -> Result<Self, HostError> {
        let mut linkers = BTreeMap::new();
        for profile in Profile::ALL {
            let mut linker = linker(engines.of(profile), profile).map_err(HostError::Engine)?;
            providers.natives.link(&mut linker, profile)?;
            linkers.insert(profile.name(), linker);
        }
        Ok(Self {
            linkers,
            preview1: preview1::linker(engines.of(profile_of(Kind::Module))).map_err(HostError::Engine)?,
            compiling: Compiling::new(compiler, limits),
            code_cache,
            memory: GuestMemory::new(limits.guest_memory),
            providers,
            engines,
            calls: Places::new(LIMIT, "the host", limits.concurrent_calls),
        })
    }

    /// What the components that it makes run on.
    pub(super) fn engines(&self) -> Arc<Engines> {
        self.engines.clone()
    }

    /// The network that components find.
    pub(super) fn network(&self) -> &Arc<Network> {
        &self.providers.network
    }

    /// What the host has opened, and what it names.
    pub(super) fn backends(&self) -> &Backends {
        &self.providers.backends
    }

    /// What the program around the host implements.
    pub(super) fn natives(&self) -> &Arc<Natives> {
        &self.providers.natives
    }

    /// The memory of all instances.
    pub(super) fn memory(&self) -> &Arc<GuestMemory> {
        &self.memory
    }

    /// What is told of the host. `None`: nobody asked.
    pub(super) fn telemetry(&self) -> Option<&Arc<Telemetry>> {
        self.providers.telemetry.as_ref()
    }

    /// Makes the components of an app that `wanted` need, and themselves.
    pub(super) async fn load_all<'a>(
        &self,
        starting: &mut Starting<'a>,
        wanted: impl IntoIterator<Item = &'a ComponentName>,
    ) -> Result<(), StartError> {
        let App { id, limits, .. } = starting.app;
        let calls = Places::new(LIMIT, id, limits.concurrent_calls);
        let order = order::callees_first(starting.app, wanted)?;
        starting.all = order.len();
        for (name, spec) in order {
            let component = Arc::new(self.load(starting, name, spec).await?);
            let exports = spec.shape.exports.iter().filter_map(ImportName::interface);
            let sibling = match spec.service {
                Some(_) => Sibling::living(component, exports),
                None => {
                    let places = Places::new(LIMIT, &component.identity, spec.limits.concurrent_calls);
                    let (app, host) = (calls.clone(), self.calls.clone());
                    let admission = Admission { component: places, app, host };
                    Sibling::apart(component, exports, starting.network.cores(), admission)
                }
            };
            starting.siblings.insert(name.clone(), sibling);
        }
        Ok(())
    }

    /// Makes the component `name` of an app, of which those are made that it calls.
    async fn load(
        &self,
        starting: &Starting<'_>,
        name: &ComponentName,
        spec: &ComponentSpec,
    ) -> Result<Component, StartError> {
        let Starting { app, network, outgoing, memory, .. } = starting;
        if !spec.network.http.is_empty() {
            // Reads the system's roots: not when the first request wants to leave.
            network.tls().map_err(StartError::Tls)?;
        }
        let profile = profile_of(spec.shape.kind);
        let crew = Crew::of(app, name, spec, self.natives())?;
        let code = self.code(profile, starting, name, &crew).await?;
        let joined = match code {
            Code::Component(code) => Callee::all(spec, &code, |name| starting.siblings.get(name).cloned())
                .and_then(|callees| Ok((callees, self.linker(profile, &crew, &code)?.instantiate_pre(&code)?)))
                .map(|(callees, code)| (callees, Program::Component(code))),
            Code::Module(code) => self.preview1.instantiate_pre(&code).map(|code| (Vec::new(), Program::Module(code))),
        };
        let (callees, program) =
            joined.map_err(|error| StartError::Link { component: name.clone(), reason: format!("{error:#}") })?;
        let leases = self.backends().leases(app, name, &[])?;
        let joining = Joining { app, component: name, spec, backends: self.backends(), leases, callees };
        let identity = Identity {
            app: app.id.clone(),
            name: name.clone(),
            kind: spec.shape.kind,
            config: spec.config.clone(),
            env: spec.env.clone(),
            mounts: spec.mounts.clone(),
            limits: spec.limits,
            links: ArcSwap::from_pointee(joining.links().await?),
            outgoing: Outgoing::new(&spec.network, &spec.limits, outgoing.clone(), network.clone()),
            log_rate: LogRate::new(spec.limits.log_lines_per_second),
            failure_rate: LogRate::new(FAILURES_PER_SECOND),
            series: self.telemetry().map(|telemetry| telemetry.metrics.series(&app.id, Some(name))),
            natives: self.natives().clone(),
        };
        Ok(Component {
            identity: Arc::new(identity),
            composed: crew.callees().map(|callee| starting.identity(callee.name)).collect::<Result<_, _>>()?,
            policy: spec.instances,
            engine: self.engines.pooled(profile),
            // What a service may hold is kept for it.
            memory: spec.service.is_none().then(|| memory.clone()),
            service: Service::of(spec.shape.kind, &program),
            program,
            warm: Warm::new(network.cores(), spec.instances.reuse.get() > 1),
            cut: Cut::default(),
        })
    }

    /// What a `crew` with this `code` finds: what the host implements, and others of its app.
    fn linker(
        &self,
        profile: Profile,
        crew: &Crew<'_>,
        code: &wasmtime::component::Component,
    ) -> wasmtime::Result<Cow<'_, Linker<Guest>>> {
        let (provided, hosts): (Vec<_>, Vec<_>) = crew.imports().partition(|import| import.provided.is_some());
        let hosts = hosts.iter().map(|own| Import { name: &own.name, interface: own.interface, via: own.via.clone() });
        let mut linker = with_imports(&self.linkers[profile.name()], profile, hosts, self.natives())?;
        for own in &provided {
            if let Some(place) = own.provided {
                sibling::join(linker.to_mut(), code, own.via.member, (&own.name, place))?;
            }
        }
        Ok(linker)
    }

    /// The code of a component: from the cache, else compiled and kept there.
    async fn code(
        &self,
        profile: Profile,
        starting: &Starting<'_>,
        name: &ComponentName,
        crew: &Crew<'_>,
    ) -> Result<Code, StartError> {
        let (engine, digest) = (self.engines.of(profile), crew.digest());
        let cached = || self.code_cache.as_ref()?.load(engine, profile, &digest);
        if let Some(code) = cached() {
            return Ok(code);
        }
        starting.tell_of(name, Place::Waits);
        let _turn = self.compiling.of(&digest).await;
        if let Some(code) = cached() {
            return Ok(code);
        }
        let failed = |source| StartError::Compile { component: name.clone(), source };
        let mut bytes = Vec::new();
        for (component, digest) in crew.sources() {
            let read = starting.source.read(digest).await;
            bytes.push(read.map_err(|source| {
                let (component, digest) = (component.clone(), *digest);
                StartError::Source { component, digest, source }
            })?);
        }
        let wasm = crew.wasm(bytes).map_err(|reason| StartError::Link { component: name.clone(), reason })?;
        let started = Instant::now();
        let compiled = self.compiling.compile(profile, name, wasm, |place| starting.tell_of(name, place)).await;
        let code = compiled.map_err(|error| crew.misfit(&error).unwrap_or_else(|| failed(error)))?;
        tracing::info!(component = %name, %profile, ms = started.elapsed().as_millis() as u64, "compiled");
        match self.code_cache.as_ref().map(|cache| cache.store(engine, profile, &digest, &code)) {
            // From there it takes no memory but the file's.
            Some(Ok(())) => {
                if let Some(code) = cached() {
                    return Ok(code);
                }
            }
            // It runs from memory as well; the next start compiles again.
            Some(Err(error)) => {
                tracing::warn!(component = %name, error = &error as &dyn std::error::Error, "compiled code is not kept");
            }
            None => {}
        }
        TrustedCode::compiled(&code)
            .load(engine)
            .map_err(|error| failed(CompileError::Refused { reason: format!("{error:#}") }))
    }

    /// Makes one instance of `component` and drops it: what cannot start is found out now.
    pub(super) async fn try_out(&self, component: &Arc<Component>, cores: &Cores) -> Result<(), StartError> {
        let deadline = Instant::now() + component.identity.limits.deadline.min(TRIAL_MAX);
        let trigger = TriggerKind::Trial;
        let (request, chain) = (RequestId::next(), Chain::default());
        let invocation = Invocation { request, trigger, deadline: Some(deadline), trace: None, chain };
        let tried = component.clone();
        let outcome = cores
            .run(|core| async move {
                let mut store = new_store(&tried, core, &invocation);
                let started = timeout_at(deadline.into(), tried.program.try_out(&mut store)).await;
                match started {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(format!("{:#}", store.data().with_limit(error))),
                    Err(_) => Err(format!("it took longer than its limit deadline, or than {}", Span(TRIAL_MAX))),
                }
            })
            .await;
        outcome
            .unwrap_or_else(|| Err("the host is stopping".to_owned()))
            .map_err(|reason| StartError::Instantiate { component: component.identity.name.clone(), reason })
    }
}
