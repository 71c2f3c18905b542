//! From the text of a manifest and the bytes of its components to an app that this host can start: for embedders that have
//! both at hand. Whoever has more to say uses `wattle_spec::resolve` with [`Host::offers`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use bytes::Bytes;
use wattle_spec::app::App;
use wattle_spec::digest::Digest;
use wattle_spec::fault::{Fault, Place};
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Found, FoundComponents, Offer, resolve};
use wattle_spec::shape::{Shape, ShapeError};

use super::Host;

/// An app, and the bytes of its components: a [`Source`](super::Source).
pub type Resolved = (App, BTreeMap<Digest, Bytes>);

/// Why a manifest and its components are no app of this host.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Something is wrong with the manifest, or with what it asks of the host.
    #[error("{0}")]
    Faults(Faults),
    /// The bytes of a component are none.
    #[error("the bytes of component {component} cannot be run")]
    Bytes {
        /// Which component.
        component: ComponentName,
        /// What they are.
        source: ShapeError,
    },
}

/// The faults of a manifest, in its order, each with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<(Option<Place>, Fault)>);

impl Faults {
    fn of(text: &str, faults: Vec<Fault>) -> Self {
        Self(faults.into_iter().map(|fault| (fault.place(text), fault)).collect())
    }

    /// Each with where it is; `None`: something is missing as a whole.
    pub fn all(&self) -> &[(Option<Place>, Fault)] {
        &self.0
    }
}

impl fmt::Display for Faults {
    /// A line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, fault)) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            match place {
                Some(place) => write!(f, "{place}: {fault}")?,
                None => write!(f, "{fault}")?,
            }
        }
        Ok(())
    }
}

impl ResolveError {
    /// What to do about the first thing that is wrong, if there is something to say.
    pub fn hint(&self) -> Option<&str> {
        match self {
            ResolveError::Faults(faults) => faults.0.first().and_then(|(_, fault)| fault.hint.as_deref()),
            ResolveError::Bytes { source, .. } => source.hint(),
        }
    }
}

impl Host {
    /// The interfaces that components can import here: those that are built in, and those of the native capabilities that the
    /// host was built with. It is what `wattle_spec::resolve` wants.
    pub fn offers(&self) -> &[Offer] {
        self.loader.natives().offers()
    }

    /// The app that `manifest` says, which is the text of a `wattle.toml`, with the bytes of its `components` by name. The
    /// manifest's `source` of a component is not looked at.
    ///
    /// Its links may name the [`backends`](crate::HostBuilder::backends) of the host; what they do not say is as on a host
    /// without a `host.toml`. Relative paths in it start at `/`.
    ///
    /// # Errors
    ///
    /// Every fault of the manifest, of what its components import, and of bytes that are no component.
    pub fn resolve<'b, B: Into<Bytes>>(
        &self,
        manifest: &str,
        components: impl IntoIterator<Item = (&'b str, B)>,
    ) -> Result<Resolved, ResolveError> {
        let faulty = |faults| ResolveError::Faults(Faults::of(manifest, faults));
        let parsed = Manifest::parse(manifest).map_err(faulty)?;
        let (found, bytes) = read(&parsed, components)?;
        let host = HostSpec { backends: self.loader.backends().named().clone(), ..HostSpec::default() };
        let app = resolve(&parsed, &found, self.offers(), &host, Path::new("/")).map_err(faulty)?;
        Ok((app, bytes))
    }
}

/// Those of `components` that the manifest has. Those that it has not are of no use, and those that it lacks are its faults.
fn read<'b, B: Into<Bytes>>(
    manifest: &Manifest,
    components: impl IntoIterator<Item = (&'b str, B)>,
) -> Result<(FoundComponents, BTreeMap<Digest, Bytes>), ResolveError> {
    let (mut found, mut all) = (FoundComponents::new(), BTreeMap::new());
    for (name, bytes) in components {
        let Some((name, _)) = manifest.entries().find(|(other, _)| other.value.as_str() == name) else { continue };
        let (component, bytes) = (name.value.clone(), bytes.into());
        let digest = Digest::of(&bytes);
        let shape =
            Shape::read(&bytes).map_err(|source| ResolveError::Bytes { component: component.clone(), source })?;
        found.insert(component, Found { digest, shape });
        all.insert(digest, bytes);
    }
    Ok((found, all))
}
