//! From a component's bytes to a component that can be instantiated: cached code or compiling, then joining to its
//! providers, then a first instance to see that it starts.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::timeout_at;
use wasmtime::component::Linker;
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::digest::Digest;
use wattle_spec::limits::HostLimits;
use wattle_spec::name::ComponentName;
use wattle_spec::shape::Kind;

use super::backends::Backends;
use super::links::Joining;
use crate::capability::{linker, preview1, with_labelled};
use crate::component::{Component, Identity, Program, Service, profile_of};
use crate::cores::Cores;
use crate::engine::{Code, CodeCache, CompileError, Compiler, Engines, Profile, TrustedCode};
use crate::error::StartError;
use crate::instance::{Guest, LogRate, new_store};
use crate::invocation::{Invocation, RequestId, TriggerKind};
use crate::outgoing::{Network, Outgoing, Places};
use crate::telemetry::Telemetry;
use crate::trigger::http::Warm;

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
    compiler: Arc<dyn Compiler>,
    code_cache: Option<CodeCache>,
    /// One component is compiled at a time: the others run.
    compiling: tokio::sync::Mutex<()>,
    limits: HostLimits,
    providers: Providers,
    engines: Arc<Engines>,
}

/// What the host has for the imports of components.
pub(super) struct Providers {
    pub(super) backends: Backends,
    pub(super) network: Arc<Network>,
    /// `None`: nobody asked for metrics or traces.
    pub(super) telemetry: Option<Arc<Telemetry>>,
}

/// An app while its components are made.
pub(super) struct Starting<'a> {
    pub(super) app: &'a App,
    pub(super) source: &'a dyn Source,
    pub(super) network: Arc<Network>,
    pub(super) outgoing: Arc<Places>,
}

impl Loader {
    pub(super) fn new(
        engines: Arc<Engines>,
        limits: HostLimits,
        compiler: Arc<dyn Compiler>,
        code_cache: Option<CodeCache>,
        providers: Providers,
    ) -> wasmtime::Result<Self> {
        let linkers = Profile::ALL
            .map(|profile| Ok((profile.name(), linker(engines.of(profile), profile)?)))
            .into_iter()
            .collect::<wasmtime::Result<_>>()?;
        Ok(Self {
            linkers,
            preview1: preview1::linker(engines.of(profile_of(Kind::Module)))?,
            compiler,
            code_cache,
            compiling: tokio::sync::Mutex::default(),
            limits,
            providers,
            engines,
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

    /// What is told of the host. `None`: nobody asked.
    pub(super) fn telemetry(&self) -> Option<&Arc<Telemetry>> {
        self.providers.telemetry.as_ref()
    }

    /// Makes the component `name` of an app.
    pub(super) async fn load(
        &self,
        starting: &Starting<'_>,
        name: &ComponentName,
        spec: &ComponentSpec,
    ) -> Result<Component, StartError> {
        let Starting { app, source, network, outgoing } = starting;
        if !spec.network.http.is_empty() {
            // Reads the system's roots: not when the first request wants to leave.
            network.tls().map_err(StartError::Tls)?;
        }
        let profile = profile_of(spec.shape.kind);
        let code = self.code(profile, name, spec, *source).await?;
        let program = match code {
            Code::Component(code) => with_labelled(&self.linkers[profile.name()], profile, &spec.shape.imports)
                .and_then(|linker| linker.instantiate_pre(&code))
                .map(Program::Component),
            Code::Module(code) => self.preview1.instantiate_pre(&code).map(Program::Module),
        }
        .map_err(|error| StartError::Link { component: name.clone(), reason: format!("{error:#}") })?;
        let joining = Joining { app, component: name, spec, backends: self.backends() };
        let identity = Identity {
            app: app.id.clone(),
            name: name.clone(),
            kind: spec.shape.kind,
            config: spec.config.clone(),
            env: spec.env.clone(),
            mounts: spec.mounts.clone(),
            limits: spec.limits,
            key_value: joining.key_value()?,
            config_links: joining.configs()?,
            secrets: joining.secrets().await?,
            log_links: joining.logs()?,
            blobs: Arc::new(joining.blobs()?),
            buses: joining.buses()?,
            outgoing: Outgoing::new(&spec.network, &spec.limits, outgoing.clone(), network.clone()),
            log_rate: LogRate::new(spec.limits.log_lines_per_second),
            failure_rate: LogRate::new(FAILURES_PER_SECOND),
            series: self.telemetry().map(|telemetry| telemetry.metrics.series(&app.id, Some(name))),
        };
        Ok(Component {
            identity: Arc::new(identity),
            policy: spec.instances,
            engine: self.engines.clocked(profile),
            service: Service::of(spec.shape.kind, &program),
            program,
            warm: Warm::new(network.cores(), spec.instances.reuse.get() > 1),
        })
    }

    /// The code of a component: from the cache, else compiled and kept there.
    async fn code(
        &self,
        profile: Profile,
        name: &ComponentName,
        spec: &ComponentSpec,
        source: &dyn Source,
    ) -> Result<Code, StartError> {
        let engine = self.engines.of(profile);
        let cached = || self.code_cache.as_ref()?.load(engine, profile, &spec.digest);
        if let Some(code) = cached() {
            return Ok(code);
        }
        let _turn = self.compiling.lock().await;
        if let Some(code) = cached() {
            return Ok(code);
        }
        let failed = |source| StartError::Compile { component: name.clone(), source };
        let wasm = source.read(&spec.digest).await.map_err(|source| StartError::Source {
            component: name.clone(),
            digest: spec.digest,
            source,
        })?;
        if wasm.len() as u64 > self.limits.compile_size.0 {
            return Err(failed(CompileError::TooLarge { size: wasm.len() as u64, limit: self.limits.compile_size }));
        }
        let started = Instant::now();
        let code = self.compiler.compile(profile, wasm, &self.limits).await.map_err(failed)?;
        tracing::info!(component = %name, %profile, ms = started.elapsed().as_millis() as u64, "compiled");
        if let Some(cache) = &self.code_cache {
            // It runs from memory as well; the next start compiles again.
            if let Err(error) = cache.store(engine, profile, &spec.digest, &code) {
                tracing::warn!(component = %name, error = &error as &dyn std::error::Error, "compiled code is not kept");
            }
        }
        TrustedCode::compiled(&code)
            .load(engine)
            .map_err(|error| failed(CompileError::Refused { reason: format!("{error:#}") }))
    }

    /// Makes one instance of `component` and drops it: what cannot start is found out now.
    pub(super) async fn try_out(&self, component: &Arc<Component>, cores: &Cores) -> Result<(), StartError> {
        let deadline = Instant::now() + component.identity.limits.deadline;
        let trigger = TriggerKind::Trial;
        let invocation = Invocation { request: RequestId::next(), trigger, deadline: Some(deadline), trace: None };
        let tried = component.clone();
        let outcome = cores
            .run(|core| async move {
                let mut store = new_store(&tried.engine, &tried.identity, core, &invocation);
                let started = timeout_at(deadline.into(), tried.program.try_out(&mut store)).await;
                match started {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(format!("{:#}", store.data().with_limit(error))),
                    Err(_) => Err("it took longer than its limit deadline".to_owned()),
                }
            })
            .await;
        outcome
            .unwrap_or_else(|| Err("the host is stopping".to_owned()))
            .map_err(|reason| StartError::Instantiate { component: component.identity.name.clone(), reason })
    }
}
