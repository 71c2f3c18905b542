//! Why an artifact cannot be had, and what to do about it.

use wattle_spec::digest::Digest;
use wattle_spec::fault::listed;
use wattle_spec::reference::Reference;

use crate::format::app::AppFormError;
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
    #[error("the manifest {digest} cannot be used")]
    Manifest {
        /// Its digest.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// It is an index that leads to no Wasm, or to another index.
    #[error("the index {0} lists no manifest for Wasm")]
    Index(Digest),
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
    /// It is an app, and nobody said which of its components, or it has none.
    #[error("{reference} is a whole app, and its components are: {}", listed(components))]
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
    #[error("{reference} has no component `{component}`, but {}", listed(components))]
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

impl FetchError {
    /// What went wrong between us and the registry of `reference`.
    pub(super) fn of_registry(reference: Reference, source: RegistryError) -> Self {
        match source {
            RegistryError::Settings(error) => Self::Settings(error),
            source => Self::Registry { reference, source },
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
            Self::Manifest { .. } | Self::Index(_) => Some("push what is to run: wattle push FILE REFERENCE".into()),
            _ => None,
        }
    }
}
