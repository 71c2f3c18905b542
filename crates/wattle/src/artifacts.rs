//! What lies in registries, for the verbs: how these are reached, what of them is kept here, and what a manifest's tags
//! are locked to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use wattle_artifact::credentials::{Credentials, FileCredentials, Places};
use wattle_artifact::fetch::{Artifacts, Wanted};
use wattle_artifact::registry::{Registries, Retries, Settings};
use wattle_artifact::store::Store;
use wattle_spec::digest::Digest;
use wattle_spec::host_file::{HostSpec, RegistrySpec};
use wattle_spec::lock::Lock;
use wattle_spec::manifest::Pull;
use wattle_spec::reference::{Reference, RegistryName};
use wattle_spec::units::ByteSize;

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

/// The most that a component may have on a host that is reached like this, in bytes.
pub(crate) fn component_limit(reaching: &Reaching) -> Result<ByteSize, Problem> {
    let host = reaching.config.as_deref().map(app_file::host).transpose()?.unwrap_or_default();
    Ok(host.limits.compile_size)
}

/// A client for what is in the registry of `reference`.
pub(crate) fn registries(reaching: &Reaching, reference: &Reference) -> Result<Registries, Problem> {
    let registry = reference.repository.registry.parse::<RegistryName>();
    let settings = reached(reaching, registry.as_ref().ok(), Arc::new(FileCredentials::new(places())))?;
    Ok(Registries::new(settings)?)
}

/// A client for `registry` that logs in with `credentials`.
pub(crate) fn registries_with(
    reaching: &Reaching,
    registry: &RegistryName,
    credentials: Arc<dyn Credentials>,
) -> Result<Registries, Problem> {
    Ok(Registries::new(reached(reaching, Some(registry), credentials)?)?)
}

/// What can be had of the registry of `reference`, and is kept here.
pub(crate) fn artifacts(reaching: &Reaching, reference: &Reference) -> Result<Artifacts, Problem> {
    let registry = reference.repository.registry.parse::<RegistryName>();
    let settings = reached(reaching, registry.as_ref().ok(), Arc::new(FileCredentials::new(places())))?;
    Ok(Artifacts::new(store()?, Some(settings)))
}

fn reached(
    reaching: &Reaching,
    registry: Option<&RegistryName>,
    credentials: Arc<dyn Credentials>,
) -> Result<Settings, Problem> {
    let mut host = reaching.config.as_deref().map(app_file::host).transpose()?.unwrap_or_default();
    if let Some(registry) = registry {
        let spec = host.registries.entry(registry.clone()).or_default();
        spec.plain_http |= reaching.plain_http;
        if reaching.ca.is_some() {
            spec.ca.clone_from(&reaching.ca);
        }
    }
    Ok(settings(&host.registries, credentials))
}

/// How registries are asked, of which these are reached in another way than all others.
fn settings(known: &BTreeMap<RegistryName, RegistrySpec>, credentials: Arc<dyn Credentials>) -> Settings {
    let names = |names: &[RegistryName]| names.iter().map(ToString::to_string).collect();
    let mirrored = known.iter().filter(|(_, spec)| !spec.mirrors.is_empty());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = u64::from(std::process::id()) << 32 | u64::from(since.subsec_nanos());
    Settings {
        credentials,
        certificates: known.values().filter_map(|spec| spec.ca.clone()).collect(),
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

/// What a manifest's tags lead to.
#[derive(Debug)]
pub(crate) struct Locked {
    path: PathBuf,
    before: Lock,
    after: Lock,
}

/// The bytes of what is `wanted`, each by its reference, or why not, and what the tags in `manifest` lead to now.
pub(crate) fn fetch(
    wanted: &BTreeMap<Reference, Pull>,
    manifest: &Path,
    asking: Asking,
    host: &HostSpec,
    signers: &Signers,
) -> Result<(Fetched, Locked), Problem> {
    let path = manifest.with_extension(LOCK);
    let before = read_lock(&path)?;
    let mut after = before.clone();
    after.retain(|reference| wanted.contains_key(reference));
    if wanted.is_empty() {
        return Ok((BTreeMap::new(), Locked { path, before, after }));
    }
    let credentials = Arc::new(FileCredentials::new(places()));
    let artifacts = Artifacts::new(store()?, Some(settings(&host.registries, credentials)));
    let fetching = Fetching { artifacts, asking, lock: &before, signers, max: host.limits.compile_size.0 };
    let one = async |(reference, pull): (&Reference, &Pull)| (reference.clone(), fetching.one(reference, *pull).await);
    let fetched = crate::verb::runtime()?
        .block_on(stream::iter(wanted).map(one).buffer_unordered(AT_A_TIME).collect::<BTreeMap<_, _>>());
    for (reference, fetched) in &fetched {
        if let (Some(_), Ok((_, digest))) = (reference.tag(), fetched) {
            after.set(reference, *digest);
        }
    }
    let bytes = |fetched: Result<(Bytes, Digest), Problem>| fetched.map(|(bytes, _)| bytes);
    let fetched = fetched.into_iter().map(|(reference, fetched)| (reference, bytes(fetched))).collect();
    Ok((fetched, Locked { path, before, after }))
}

/// What components are fetched with.
struct Fetching<'a> {
    artifacts: Artifacts,
    asking: Asking,
    lock: &'a Lock,
    signers: &'a Signers,
    max: u64,
}

impl Fetching<'_> {
    async fn one(&self, reference: &Reference, pull: Pull) -> Result<(Bytes, Digest), Problem> {
        let Self { artifacts, asking, lock, signers, max } = self;
        let (pull, known) = (asking.when(pull), lock.get(reference));
        let is_locked = matches!(asking, Asking::Locked { .. });
        if is_locked && known.is_none() && reference.tag().is_some() {
            return Err(Problem::NotLocked { reference: reference.clone() });
        }
        let known = known.filter(|_| is_locked || pull != Pull::Always);
        let offline = artifacts.offline();
        let artifacts = if pull == Pull::Never { &offline } else { artifacts };
        let resolved = artifacts.resolve(reference, pull, known).await?;
        signers.check(artifacts, reference, resolved.digest).await?;
        let component = artifacts.component(reference, resolved, Wanted { component: None, max: *max }).await?;
        Ok((component.wasm, resolved.digest))
    }
}

impl Locked {
    /// Writes the lock, if something has changed, in the place of the old one. An app runs without: whoever may not write
    /// is told.
    pub(crate) fn keep(&self) {
        let Self { path, before, after } = self;
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
