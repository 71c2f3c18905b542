//! Why an artifact cannot be had, and what to do about it.

use std::fmt;

use wattle_spec::digest::Digest;
use wattle_spec::fault::listed;
use wattle_spec::reference::{Reference, Which};

use crate::format::app::{AppFormError, LESS};
use crate::format::folder_path::FolderPath;
use crate::format::form::FormError;
use crate::format::image::ImageError;
use crate::format::manifest::ManifestError;
use crate::format::spin::SpinError;
use crate::registry::{RegistryError, SettingsError};
use crate::store::StoreError;

/// Why an artifact cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is not here, and nobody may be asked.
    #[error("{0} is not on this machine, and no registry is asked for it")]
    NotHere(Reference),
    /// The registry does not give it.
    #[error("cannot pull {reference}")]
    Registry {
        /// Which one.
        reference: Reference,
        /// Why.
        source: RegistryError,
    },
    /// No registry can be asked.
    #[error("cannot ask registries")]
    Settings(#[from] SettingsError),
    /// It went as soon as it came: somebody cleans the store.
    #[error("{0} was removed from the store while it was pulled")]
    Gone(Digest),
    /// It cannot be kept, or was not kept well.
    #[error("cannot use the store of artifacts")]
    Store(#[from] StoreError),
    /// Its manifest is none.
    #[error("the manifest {digest} of {} cannot be used", Asked(reference, digest))]
    Manifest {
        /// What was asked for.
        reference: Reference,
        /// Its digest.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// It is an index that leads to no Wasm.
    #[error("the index {digest} of {} lists no manifest for Wasm", Asked(reference, digest))]
    Index {
        /// What was asked for.
        reference: Reference,
        /// The digest of the index.
        digest: Digest,
    },
    /// It is an index that leads to another one.
    #[error(
        "the index {digest} of {} leads to another index, {inner}, which is not followed",
        Asked(reference, digest)
    )]
    IndexInIndex {
        /// What was asked for.
        reference: Reference,
        /// The digest of the index.
        digest: Digest,
        /// The digest of the other.
        inner: Digest,
    },
    /// It is no app, but something else.
    #[error("{0} is no app")]
    NoApp(Reference),
    /// It is an app that cannot be read.
    #[error("the app {reference} cannot be used")]
    AppForm {
        /// Which one.
        reference: Reference,
        /// Why.
        source: AppFormError,
    },
    /// A text of an app is none.
    #[error("the {file} of the app {reference} is not UTF-8")]
    AppText {
        /// Which one.
        reference: Reference,
        /// The name of the file.
        file: &'static str,
        /// Where it is none.
        source: std::str::Utf8Error,
    },
    /// All parts of an app are too much together.
    #[error("the app {reference} has {size} bytes, and may have {max}")]
    AppTooLarge {
        /// Which one.
        reference: Reference,
        /// How many bytes are announced.
        size: u64,
        /// The bound, in bytes.
        max: u64,
    },
    /// The manifests of an app are too much together.
    #[error("the manifests of the app {reference} have {size} bytes, and may have {max}")]
    MembersTooLarge {
        /// Which one.
        reference: Reference,
        /// How many bytes are announced.
        size: u64,
        /// The bound, in bytes.
        max: u64,
    },
    /// A folder of an app is larger than is taken.
    #[error("the folder `{path}` of the app {reference} has {size} bytes, and may have {max}")]
    FolderTooLarge {
        /// Which app.
        reference: Reference,
        /// Which of its folders.
        path: FolderPath,
        /// How many bytes are announced.
        size: u64,
        /// The bound, in bytes.
        max: u64,
    },
    /// It is an app, and nobody said which of its components, or it has none.
    #[error("{reference} is a whole app{}", Parts(", and its components are: ", components))]
    App {
        /// Which one.
        reference: Reference,
        /// Their names.
        components: Vec<String>,
    },
    /// It holds no Wasm.
    #[error("{reference} cannot be run")]
    Form {
        /// Which one.
        reference: Reference,
        /// Why.
        source: FormError,
    },
    /// It is an image without what it runs.
    #[error("the image {reference} cannot be run")]
    Image {
        /// Which one.
        reference: Reference,
        /// Why.
        source: ImageError,
    },
    /// It is a Spin app of which nobody knows what is in it.
    #[error("{reference} cannot be read")]
    Spin {
        /// Which one.
        reference: Reference,
        /// Why.
        source: SpinError,
    },
    /// It has several components, and nobody said which one.
    #[error("{reference} has several components: {}", listed(components))]
    Several {
        /// Which one.
        reference: Reference,
        /// Their names.
        components: Vec<String>,
    },
    /// It has no such component.
    #[error("{reference} has no component `{component}`{}", Parts(", but ", components))]
    NoSuchComponent {
        /// Which one.
        reference: Reference,
        /// What was asked for.
        component: String,
        /// Their names.
        components: Vec<String>,
    },
    /// It is larger than a component may be.
    #[error("{reference} has {size} bytes, and a component may have {max} (limit compile-size)")]
    TooLarge {
        /// Which one.
        reference: Reference,
        /// How many bytes were announced.
        size: u64,
        /// The limit, in bytes.
        max: u64,
    },
}

/// What was asked for, without a digest that is told beside it.
struct Asked<'a>(&'a Reference, &'a Digest);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(reference, told) = self;
        match &reference.which {
            Which::Digest { digest, tag } if digest == *told => {
                write!(f, "{}", reference.repository)?;
                tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
            }
            _ => write!(f, "{reference}"),
        }
    }
}

/// The names of components after some words, or that there are none.
struct Parts<'a>(&'static str, &'a [String]);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.is_empty() {
            true => f.write_str(", and none of its components is in it"),
            false => write!(f, "{}{}", self.0, listed(self.1)),
        }
    }
}

impl FetchError {
    /// What went wrong between us and the registry of `reference`.
    pub(super) fn of_registry(reference: Reference, source: RegistryError) -> Self {
        match source {
            RegistryError::Settings(error) => Self::Settings(error),
            source => Self::Registry { reference, source },
        }
    }

    /// Whether what was asked for is to blame: it is not here, is something else, or is too much. Else it is a registry,
    /// the way there, or the store.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::NotHere(_)
            | Self::Manifest { .. }
            | Self::Index { .. }
            | Self::IndexInIndex { .. }
            | Self::NoApp(_)
            | Self::AppForm { .. }
            | Self::AppText { .. }
            | Self::AppTooLarge { .. }
            | Self::MembersTooLarge { .. }
            | Self::FolderTooLarge { .. }
            | Self::App { .. }
            | Self::Form { .. }
            | Self::Image { .. }
            | Self::Spin { .. }
            | Self::Several { .. }
            | Self::NoSuchComponent { .. }
            | Self::TooLarge { .. } => true,
            Self::Registry { .. } | Self::Settings(_) | Self::Gone(_) | Self::Store(_) => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotHere(reference) => Some(format!("where there is a network: wattle pull {reference}")),
            Self::Registry { source, .. } => source.hint(),
            Self::Store(error) => error.hint(),
            Self::Gone(_) => Some("try again".into()),
            Self::AppForm { source, .. } => source.hint(),
            Self::Several { components, .. } | Self::App { components, .. } => {
                components.first().map(|component| format!("name one, as in `--component {component}`"))
            }
            Self::NoSuchComponent { components, .. } => {
                components.first().map(|component| format!("as in `--component {component}`"))
            }
            Self::Form { reference, .. } => Some(format!("see what it is: wattle inspect {reference}")),
            Self::AppTooLarge { .. } | Self::FolderTooLarge { .. } => Some(LESS.into()),
            Self::MembersTooLarge { .. } => Some("push it with fewer annotations, or as several apps".into()),
            Self::Manifest { .. } | Self::Index { .. } | Self::IndexInIndex { .. } => {
                Some("push what is to run: wattle push FILE REFERENCE".into())
            }
            _ => None,
        }
    }
}
