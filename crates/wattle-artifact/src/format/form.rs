//! The forms in which Wasm lies in registries, told apart by their media types.
//!
//! | form | configuration | layers |
//! |---|---|---|
//! | CNCF Wasm artifact, ours | [`WASM_CONFIG`] | one [`WASM`] |
//! | `wasm-to-oci`, Krustlet | [`LEGACY_CONFIG`] | the first [`LEGACY_WASM`] |
//! | wasmCloud 1 | any | the first [`WASMCLOUD_WASM`] |
//! | runwasi | of an image | one [`RUNWASI_WASM`] or [`WASM`] |
//! | `wasi/wasm` image | of an image | files, the entrypoint among them |
//! | Spin app | of an image, or its lock | [`LEGACY_WASM`] or [`WASM`], and a lock that names them |

use super::image::{ImageConfig, ImageError};
use super::manifest::{Descriptor, Manifest};
use super::media_type::{
    DOCKER_CONFIG, DOCKER_TAR_GZIP, IMAGE_CONFIG, LEGACY_CONFIG, LEGACY_WASM, RUNWASI_WASM, SPIN_LOCK, TAR, TAR_GZIP,
    WASM, WASM_CONFIG, WASMCLOUD_WASM,
};

/// Where in an artifact the Wasm is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// It is this layer.
    Layer(Descriptor),
    /// It is a file in these layers, of which the later ones go before the earlier ones.
    Image {
        /// The layers.
        layers: Vec<Descriptor>,
        /// The path of the file.
        entrypoint: String,
    },
    /// The components of a Spin app are layers, which the lock names.
    Spin {
        /// What says which layer is which component.
        lock: Descriptor,
        /// The layers with Wasm.
        layers: Vec<Descriptor>,
    },
}

/// Why there is no Wasm to be had from a manifest.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// The specification has one, so that nobody takes a part for the whole.
    #[error("a Wasm artifact has one layer, and this one has {0}")]
    Layers(usize),
    /// Its layer is something else.
    #[error("its layer is of the media type {0:?}, and that of a Wasm artifact is \"application/wasm\"")]
    Layer(String),
    /// It is an image of which nothing says where the Wasm is.
    #[error("the image cannot be used")]
    Image(#[source] ImageError),
    /// It is no component as apps have them.
    #[error(
        "its configuration is of the media type {0:?}, and that of a component is \"application/vnd.wasm.config.v0+json\""
    )]
    NoComponent(String),
    /// It is something else.
    #[error("it holds no Wasm: its configuration is of the media type {config:?}, its layers are of {layers}")]
    Other {
        /// The media type of the configuration.
        config: String,
        /// Those of the layers.
        layers: String,
    },
}

impl Form {
    /// Whether the bytes of the configuration say what the media types do not.
    pub fn needs_config(manifest: &Manifest) -> bool {
        matches!(manifest.config.media_type.as_str(), IMAGE_CONFIG | DOCKER_CONFIG)
    }

    /// The form of what has this `manifest` and the bytes `config` as its configuration.
    ///
    /// # Errors
    ///
    /// If it is none of those that are known.
    pub fn of(manifest: &Manifest, config: &[u8]) -> Result<Self, FormError> {
        let layers = |kinds: &[&str]| -> Vec<Descriptor> {
            manifest.layers.iter().filter(|layer| kinds.contains(&layer.media_type.as_str())).cloned().collect()
        };
        let kind = manifest.config.media_type.as_str();
        if kind == WASM_CONFIG {
            return cncf(manifest);
        }
        let lock = layers(&[SPIN_LOCK]).pop().or_else(|| (kind == SPIN_LOCK).then(|| manifest.config.clone()));
        if let Some(lock) = lock {
            return Ok(Self::Spin { lock, layers: layers(&[LEGACY_WASM, WASM]) });
        }
        if let Some(layer) = layers(&[WASMCLOUD_WASM]).into_iter().next() {
            return Ok(Self::Layer(layer));
        }
        let legacy = layers(&[LEGACY_WASM]);
        match kind {
            LEGACY_CONFIG if !legacy.is_empty() => Ok(Self::Layer(legacy[0].clone())),
            IMAGE_CONFIG | DOCKER_CONFIG => {
                image(config, &layers(&[RUNWASI_WASM, WASM]), layers(&[TAR, TAR_GZIP, DOCKER_TAR_GZIP]))
                    .unwrap_or_else(|| Err(other(manifest)))
            }
            _ => match layers(&[WASM]).as_slice() {
                [layer] if manifest.layers.len() == 1 => Ok(Self::Layer(layer.clone())),
                _ => Err(other(manifest)),
            },
        }
    }
}

fn cncf(manifest: &Manifest) -> Result<Form, FormError> {
    match manifest.layers.as_slice() {
        [layer] if layer.media_type == WASM => Ok(Form::Layer(layer.clone())),
        [layer] => Err(FormError::Layer(layer.media_type.clone())),
        layers => Err(FormError::Layers(layers.len())),
    }
}

/// Layers with Wasm go before files.
fn image(config: &[u8], wasm: &[Descriptor], files: Vec<Descriptor>) -> Option<Result<Form, FormError>> {
    match (wasm, files.is_empty()) {
        ([layer], _) => Some(Ok(Form::Layer(layer.clone()))),
        ([], true) => None,
        ([], false) => {
            let entrypoint = ImageConfig::read(config).and_then(|config| config.entrypoint());
            Some(entrypoint.map(|entrypoint| Form::Image { layers: files, entrypoint }).map_err(FormError::Image))
        }
        (several, _) => Some(Err(FormError::Layers(several.len()))),
    }
}

fn other(manifest: &Manifest) -> FormError {
    let mut kinds: Vec<_> = manifest.layers.iter().map(|layer| format!("{:?}", layer.media_type)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let layers = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    FormError::Other { config: manifest.config.media_type.clone(), layers }
}
