//! What lies in registries, for the verbs: how these are reached, what of them is kept here, and what a manifest's tags
//! are locked to.

mod pulls;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use chrono::Utc;
use futures::StreamExt;
use futures::stream;
use wattle_artifact::credentials::{Credentials, FileCredentials, Places};
use wattle_artifact::fetch::{AppLimits, Artifacts, FetchedApp, Wanted};
use wattle_artifact::registry::{Registries, Retries, Settings};
use wattle_artifact::store::Store;
use wattle_spec::digest::Digest;
use wattle_spec::host_file::{HostSpec, RegistrySpec};
use wattle_spec::lock::Lock;
use wattle_spec::manifest::{Manifest, Pull, Source};
use wattle_spec::reference::{Reference, RegistryName};
use wattle_spec::units::ByteSize;

pub(crate) use self::pulls::{Errand, Pulls};
use crate::cli::Reaching;
use crate::policy::Signers;
use crate::problem::{Input, Problem};
use crate::{app_file, input, kept, whole_file};

/// The ending of a lock, which is called as its manifest: `wattle.lock` for `wattle.toml`.
const LOCK: &str = "lock";
/// How many components are fetched at a time.
const AT_A_TIME: usize = 4;

/// Whether registries are asked for what a manifest names, and what for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asking {
    /// Nobody is asked, and the lock stays as it is: for verbs that look.
    Nobody,
    /// As the manifest says, or as somebody said for this once.
    Registries { pull: Option<Pull> },
    /// The lock must know every tag, and stays as it is.
    Locked { pull: Option<Pull> },
}

impl Asking {
    /// When to ask for what the manifest wants `pull`ed.
    fn when(self, pull: Pull) -> Pull {
        match self {
            Self::Nobody => Pull::Never,
            Self::Registries { pull: said } | Self::Locked { pull: said } => said.unwrap_or(pull),
        }
    }
}

/// Where this user keeps credentials for registries.
pub(crate) fn places() -> Places {
    Places::of(|name| std::env::var_os(name))
}

/// The most that a component may have on the host that is meant, in bytes.
pub(crate) fn component_limit(reaching: &Reaching) -> Result<ByteSize, Problem> {
    Ok(host_file(reaching)?.limits.compile_size)
}

/// The host that is meant, as far as a verb that runs nothing wants to know, which reaches the registry of `reference` as
/// the command line says.
pub(crate) fn host_of(reaching: &Reaching, reference: &Reference) -> Result<HostSpec, Problem> {
    let mut host = host_file(reaching)?;
    reached(&mut host, reaching, reference);
    Ok(host)
}

fn host_file(reaching: &Reaching) -> Result<HostSpec, Problem> {
    Ok(reaching.config.as_deref().map(app_file::host).transpose()?.unwrap_or_default())
}

/// Has `host` reach the registry of `reference` as the command line says.
pub(crate) fn reached(host: &mut HostSpec, reaching: &Reaching, reference: &Reference) {
    if let Ok(registry) = reference.repository.registry.parse::<RegistryName>() {
        reach(host, reaching, registry);
    }
}

fn reach(host: &mut HostSpec, reaching: &Reaching, registry: RegistryName) {
    let spec = host.registries.entry(registry).or_default();
    spec.plain_http |= reaching.plain_http;
    if reaching.ca.is_some() {
        spec.ca.clone_from(&reaching.ca);
    }
}

/// A client for what is in the registry of `reference`.
pub(crate) fn registries(reaching: &Reaching, reference: &Reference) -> Result<Registries, Problem> {
    let host = host_of(reaching, reference)?;
    Ok(Registries::new(settings(&host.registries, Arc::new(FileCredentials::new(places()))))?)
}

/// A client for `registry` that logs in with `credentials`.
pub(crate) fn registries_with(
    reaching: &Reaching,
    registry: &RegistryName,
    credentials: Arc<dyn Credentials>,
) -> Result<Registries, Problem> {
    let mut host = host_file(reaching)?;
    reach(&mut host, reaching, registry.clone());
    Ok(Registries::new(settings(&host.registries, credentials))?)
}

fn certificates(known: &BTreeMap<RegistryName, RegistrySpec>) -> Vec<PathBuf> {
    known.values().filter_map(|spec| spec.ca.clone()).collect()
}

/// Whether the certificates that vouch for these registries can be used.
pub(crate) fn check_certificates(known: &BTreeMap<RegistryName, RegistrySpec>) -> Result<(), Problem> {
    Registries::new(Settings { certificates: certificates(known), ..Settings::default() })?;
    Ok(())
}

/// How registries are asked, of which these are reached in another way than all others.
fn settings(known: &BTreeMap<RegistryName, RegistrySpec>, credentials: Arc<dyn Credentials>) -> Settings {
    let names = |names: &[RegistryName]| names.iter().map(ToString::to_string).collect();
    let mirrored = known.iter().filter(|(_, spec)| !spec.mirrors.is_empty());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = u64::from(std::process::id()) << 32 | u64::from(since.subsec_nanos());
    Settings {
        credentials,
        certificates: certificates(known),
        plain_http: known.iter().filter(|(_, spec)| spec.plain_http).map(|(name, _)| name.to_string()).collect(),
        mirrors: mirrored.map(|(name, spec)| (name.to_string(), names(&spec.mirrors))).collect(),
        retries: Retries { seed, ..Retries::default() },
        ..Settings::default()
    }
}

/// What is kept here of registries.
pub(crate) fn store() -> Result<Store, Problem> {
    let caches = kept::caches().ok_or(Problem::NoCacheDir)?;
    Ok(Store::open(caches.join("wattle/artifacts"))?)
}

/// The bytes of components, each by its reference, or why there are none.
pub(crate) type Fetched = BTreeMap<Reference, Result<Bytes, Problem>>;

/// Where it is written what a manifest's tags lead to.
#[derive(Debug)]
pub(crate) enum LockIn {
    /// In this file, which need not be there.
    File(PathBuf),
    /// In what was pushed with the app at `reference`, if that has tags.
    App { reference: Reference, text: Option<String> },
    /// Nowhere.
    Nowhere,
}

/// What a manifest's tags lead to.
#[derive(Debug)]
pub(crate) struct Locked {
    /// Where that is written, if it is.
    path: Option<PathBuf>,
    before: Lock,
    after: Lock,
}

/// The file with the lock of a manifest.
pub(crate) fn lock_of(manifest: &Path) -> PathBuf {
    manifest.with_extension(LOCK)
}

/// What lies at a reference.
pub(crate) enum Shipped {
    App(FetchedApp),
    /// A component, which is here now: its reference with its digest.
    Component(Reference),
}

/// What lies at `reference`, if the policy of the host lets it run.
pub(crate) fn shipped(
    reference: &Reference,
    Errand { asking, pulls }: &Errand,
    host: &HostSpec,
    signers: &Signers,
) -> Result<Shipped, Problem> {
    let pull = asking.when(Pull::Missing);
    if matches!(asking, Asking::Locked { .. }) && reference.tag().is_some() {
        return Err(Problem::NotLocked { reference: reference.clone() });
    }
    let artifacts = of_host(host)?.observed(pulls.of(reference));
    let artifacts = if pull == Pull::Never { artifacts.offline() } else { artifacts };
    let limits = app_limits(host);
    let shipped = async {
        let resolved = artifacts.resolve(reference, pull, None).await?;
        signers.check(&artifacts, reference, resolved.digest, Utc::now()).await?;
        match artifacts.is_app(reference, resolved).await? {
            true => Ok(Shipped::App(artifacts.app(reference, resolved, limits).await?)),
            false => {
                let wanted = Wanted { component: None, max: limits.component };
                Ok(Shipped::Component(artifacts.component(reference, resolved, wanted).await?.reference))
            }
        }
    };
    crate::verb::runtime()?.block_on(pulls.unless_given_up(shipped))?
}

/// How much an app may be on a host.
pub(crate) fn app_limits(host: &HostSpec) -> AppLimits {
    AppLimits::with_components_of(host.limits.compile_size.0)
}

/// What can be had of registries on a host, and is kept here.
pub(crate) fn of_host(host: &HostSpec) -> Result<Artifacts, Problem> {
    let credentials = Arc::new(FileCredentials::new(places()));
    Ok(Artifacts::new(store()?, Some(settings(&host.registries, credentials))))
}

/// The bytes of what is `wanted`, each by its reference, or why not, and what tags lead to now that led where `lock`
/// says.
pub(crate) fn fetch(
    wanted: &BTreeMap<Reference, Pull>,
    lock: LockIn,
    errand: &Errand,
    host: &HostSpec,
    signers: &Signers,
) -> Result<(Fetched, Locked), Problem> {
    let (path, before) = match lock {
        LockIn::File(path) => (Some(path.clone()), read_lock(&path)?),
        LockIn::App { reference, text: Some(text) } => {
            (None, Lock::parse(&text).map_err(|source| Problem::ShippedLock { reference, source })?)
        }
        LockIn::App { text: None, .. } | LockIn::Nowhere => (None, Lock::default()),
    };
    let mut after = before.clone();
    after.retain(|reference| wanted.contains_key(reference));
    if wanted.is_empty() {
        return Ok((BTreeMap::new(), Locked { path, before, after }));
    }
    let fetching =
        Fetching { artifacts: of_host(host)?, errand, lock: &before, signers, max: host.limits.compile_size.0 };
    let one = async |(reference, pull): (&Reference, &Pull)| (reference.clone(), fetching.one(reference, *pull).await);
    let fetched = stream::iter(wanted).map(one).buffer_unordered(AT_A_TIME).collect::<BTreeMap<_, _>>();
    let fetched = crate::verb::runtime()?.block_on(errand.pulls.unless_given_up(fetched))?;
    for (reference, fetched) in &fetched {
        if let (Some(_), Ok((_, digest))) = (reference.tag(), fetched) {
            after.set(reference, *digest);
        }
    }
    let bytes = |fetched: Result<(Bytes, Digest), Problem>| fetched.map(|(bytes, _)| bytes);
    let fetched = fetched.into_iter().map(|(reference, fetched)| (reference, bytes(fetched))).collect();
    Ok((fetched, Locked { path, before, after }))
}

/// Has the components of an app here that lie in other places than the app, as its lock says.
pub(crate) fn fetch_tagged(
    manifest: &Manifest,
    lock: LockIn,
    host: &HostSpec,
    signers: &Signers,
) -> Result<(), Problem> {
    let sources = manifest.entries().filter_map(|(_, entry)| match &entry.source.value {
        Source::Registry(reference) => Some((reference.clone(), entry.pull)),
        Source::File(_) => None,
    });
    let (fetched, _) = fetch(&sources.collect(), lock, &Asking::Locked { pull: None }.into(), host, signers)?;
    fetched.into_values().find_map(Result::err).map_or(Ok(()), Err)
}

/// What components are fetched with.
struct Fetching<'a> {
    artifacts: Artifacts,
    errand: &'a Errand,
    lock: &'a Lock,
    signers: &'a Signers,
    max: u64,
}

impl Fetching<'_> {
    async fn one(&self, reference: &Reference, pull: Pull) -> Result<(Bytes, Digest), Problem> {
        let Self { artifacts, errand: Errand { asking, pulls }, lock, signers, max } = self;
        let (pull, known) = (asking.when(pull), lock.get(reference));
        let is_locked = matches!(asking, Asking::Locked { .. });
        if is_locked && known.is_none() && reference.tag().is_some() {
            return Err(Problem::NotLocked { reference: reference.clone() });
        }
        let known = known.filter(|_| is_locked || pull != Pull::Always);
        let artifacts = artifacts.observed(pulls.of(reference));
        let artifacts = if pull == Pull::Never { artifacts.offline() } else { artifacts };
        let resolved = artifacts.resolve(reference, pull, known).await?;
        signers.check(&artifacts, reference, resolved.digest, Utc::now()).await?;
        let component = artifacts.component(reference, resolved, Wanted { component: None, max: *max }).await?;
        Ok((component.wasm, resolved.digest))
    }
}

impl Locked {
    /// `reference` with the digest that it led to.
    pub(crate) fn pinned(&self, reference: &Reference) -> Option<Reference> {
        match reference.digest() {
            Some(_) => Some(reference.clone()),
            None => Some(reference.pinned(self.after.get(reference)?)),
        }
    }

    /// The lock as text, if it has anything.
    pub(crate) fn text(&self) -> Option<String> {
        (!self.after.is_empty()).then(|| self.after.to_text())
    }

    /// Writes the lock, if something has changed, in the place of the old one. An app runs without: whoever may not write
    /// is told.
    pub(crate) fn keep(&self) {
        let Self { path: Some(path), before, after } = self else { return };
        if before == after {
            return;
        }
        let kept = match after.is_empty() {
            true => fs::remove_file(path),
            false => whole_file::write(path, after.to_text().as_bytes()),
        };
        if let Err(error) = kept {
            crate::verb::tell(&format!("warning: cannot write {}: {error}\n", path.display()));
        }
    }
}

fn read_lock(path: &Path) -> Result<Lock, Problem> {
    match input::text(path, Input::Lock) {
        Ok(text) => Lock::parse(&text).map_err(|source| Problem::Lock { path: path.into(), source }),
        Err(problem) if problem.is_missing_file() => Ok(Lock::default()),
        Err(problem) => Err(problem),
    }
}
