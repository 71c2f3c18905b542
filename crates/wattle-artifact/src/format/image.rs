//! Wasm in a container image: the `wasi/wasm` images that Docker and containerd know.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::json;

use super::component::{About, Packed};
use super::manifest::{Annotations, Descriptor, Manifest};
use super::{annotation, media_type};

/// The most entries of a layer that are looked at.
const ENTRIES_MAX: usize = 100_000;
/// The most bytes of a name in an archive, or of what an archive says of one.
const NAME_MAX_LEN: u64 = 64 << 10;
/// How many times larger than its layer unpacked files may be: nothing that is worth it is packed more densely.
const RATIO_MAX: u64 = 100;

/// What the name of a file begins with that says what is not there any more (OCI image specification, layers).
const WHITEOUT: &str = ".wh.";
/// The one that says it of everything in its directory that is in layers below.
const OPAQUE: &str = ".wh..wh..opq";

/// What a layer says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InLayer {
    /// Its bytes.
    File(Vec<u8>),
    /// Whatever layers below have is not in the image.
    Removed,
    /// Nothing.
    Nothing,
}

/// The part of an image's configuration that says what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    config: Run,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Run {
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
}

/// Why an image gives no Wasm.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Its configuration is no JSON of the right shape.
    #[error("its configuration cannot be read")]
    Config(#[source] serde_json::Error),
    /// It is made for real processors.
    #[error("it is made for {os}/{architecture}, and Wasm is made for the architecture wasm")]
    Architecture {
        /// Its operating system.
        os: String,
        /// Its architecture.
        architecture: String,
    },
    /// It does not say what it runs.
    #[error("it has no entrypoint")]
    NoEntrypoint,
    /// A layer is no archive, or a broken one.
    #[error("a layer of it cannot be unpacked")]
    Layer(#[source] io::Error),
    /// What it runs is not in it.
    #[error("there is no file {0} in it")]
    Missing(String),
    /// What it runs is a link or a directory.
    #[error("{0} is no regular file in it")]
    NoFile(String),
    /// What it runs has more bytes than are taken.
    #[error("{path} has more than {max} bytes")]
    TooLong {
        /// The path of the file.
        path: String,
        /// The bound, in bytes.
        max: u64,
    },
    /// It unpacks to too much.
    #[error("a layer of it unpacks to more than {RATIO_MAX} times its size, or has more than {ENTRIES_MAX} entries")]
    Bomb,
}

impl ImageConfig {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        serde_json::from_slice(bytes).map_err(ImageError::Config)
    }

    /// The path of what it runs.
    ///
    /// # Errors
    ///
    /// If it is not made for Wasm, or does not say.
    pub fn entrypoint(&self) -> Result<String, ImageError> {
        if !self.architecture.starts_with("wasm") && !self.os.starts_with("wasi") {
            return Err(ImageError::Architecture { os: self.os.clone(), architecture: self.architecture.clone() });
        }
        let of = |words: &Option<Vec<String>>| words.as_ref().and_then(|words| words.first().cloned());
        let path = of(&self.config.entrypoint).or_else(|| of(&self.config.cmd));
        path.filter(|path| !path.is_empty()).ok_or(ImageError::NoEntrypoint)
    }
}

/// Makes an image of `bytes`, with one layer that is not compressed, so that it is the same everywhere.
pub fn pack(bytes: &Bytes, about: &About) -> io::Result<Packed> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o755);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut archive = tar::Builder::new(Vec::with_capacity(bytes.len() + 4096));
    archive.append_data(&mut header, &about.title, bytes.as_ref())?;
    let archive = Bytes::from(archive.into_inner()?);
    let layer = Descriptor::of(media_type::TAR, &archive);
    let config = json!({
        "architecture": "wasm",
        "config": { "Entrypoint": [format!("/{}", about.title)] },
        "created": about.created,
        "os": "wasi",
        "rootfs": { "diff_ids": [layer.digest.to_string()], "type": "layers" },
    });
    let config = Bytes::from(config.to_string());
    let mut annotations = annotation::of_wasm(bytes);
    annotations.insert(annotation::CREATED.into(), about.created.clone());
    annotations.extend(about.annotations.clone());
    let manifest = Manifest {
        artifact_type: None,
        config: Descriptor::of(media_type::IMAGE_CONFIG, &config),
        layers: vec![layer.clone()],
        subject: None,
        annotations: annotations.into_iter().collect::<Annotations>(),
    };
    Ok(Packed::new(&manifest, vec![(manifest.config.clone(), config), (layer, archive)]))
}

/// The file at `entrypoint`, of at most `max` bytes, in the archive `layer`, or what that says of it. Nothing is ever
/// written, so that no name in an archive matters but this one and what removes it.
///
/// # Errors
///
/// If the archive is broken, the file is no regular one, or there is too much of anything.
pub fn file(layer: &[u8], media_type: &str, entrypoint: &str, max: u64) -> Result<InLayer, ImageError> {
    if media_type == media_type::TAR {
        check(layer)?;
        return find(layer, entrypoint, max);
    }
    let unpacked = || GzDecoder::new(layer).take((layer.len() as u64).saturating_mul(RATIO_MAX));
    check(&mut unpacked())?;
    let mut unpacked = unpacked();
    match find(&mut unpacked, entrypoint, max) {
        Err(ImageError::Layer(_)) if unpacked.limit() == 0 => Err(ImageError::Bomb),
        Ok(InLayer::Nothing | InLayer::Removed) if unpacked.limit() == 0 => Err(ImageError::Bomb),
        found => found,
    }
}

/// Looks for names that are too long, which are read as a whole.
fn check(archive: impl Read) -> Result<(), ImageError> {
    let mut archive = tar::Archive::new(archive);
    for (number, entry) in archive.entries().map_err(ImageError::Layer)?.raw(true).enumerate() {
        // What is broken here is broken for whoever reads on.
        let Ok(entry) = entry else { return Ok(()) };
        let kind = entry.header().entry_type();
        let is_name = kind.is_gnu_longname() || kind.is_gnu_longlink();
        let is_extension = kind.is_pax_global_extensions() || kind.is_pax_local_extensions();
        if (is_name || is_extension) && entry.size() > NAME_MAX_LEN || number >= ENTRIES_MAX {
            return Err(ImageError::Bomb);
        }
    }
    Ok(())
}

fn find(archive: impl Read, entrypoint: &str, max: u64) -> Result<InLayer, ImageError> {
    let wanted = plain(Path::new(entrypoint));
    let mut found = InLayer::Nothing;
    let mut archive = tar::Archive::new(archive);
    for (number, entry) in archive.entries().map_err(ImageError::Layer)?.enumerate() {
        let mut entry = entry.map_err(ImageError::Layer)?;
        if number == ENTRIES_MAX {
            return Err(ImageError::Bomb);
        }
        let Ok(path) = entry.path().map(|path| plain(&path)) else { continue };
        let kind = entry.header().entry_type();
        // What the layer itself has is not removed by it, in whatever order.
        if removes(&path, kind, &wanted) {
            found = InLayer::Removed;
        }
        if path != wanted || is_whiteout(&path) {
            continue;
        }
        if !kind.is_file() {
            return Err(ImageError::NoFile(entrypoint.into()));
        }
        if entry.size() > max {
            return Err(ImageError::TooLong { path: entrypoint.into(), max });
        }
        // An archive that ends in the middle of a file is read without an error.
        let mut bytes = vec![0; entry.size() as usize];
        entry.read_exact(&mut bytes).map_err(ImageError::Layer)?;
        return Ok(InLayer::File(bytes));
    }
    Ok(found)
}

fn is_whiteout(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(WHITEOUT.as_bytes()))
}

/// Whether an entry takes away what layers below have at `wanted`: it says so of that or of a directory above, or it is
/// no directory where one was.
fn removes(path: &Path, kind: tar::EntryType, wanted: &Path) -> bool {
    let is_above = |directory: &Path| wanted != directory && wanted.starts_with(directory);
    let Some(name) = path.file_name() else { return false };
    let parent = path.parent().unwrap_or(Path::new(""));
    if name == OPAQUE {
        return is_above(parent);
    }
    match name.to_str().and_then(|name| name.strip_prefix(WHITEOUT)) {
        Some("") => false,
        Some(removed) => wanted.starts_with(parent.join(removed)),
        None => !kind.is_dir() && is_above(path),
    }
}

/// The path without its root and its dots.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}
