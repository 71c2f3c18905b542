//! Reading what a person names: regular files only, and of each no more than its limit.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use wattle_spec::manifest::TEXT_MAX_LEN;
use wattle_spec::shape::Shape;
use wattle_spec::units::ByteSize;

use crate::problem::{Input, Problem};

/// The text of a manifest or of a host's file. One that is too long is cut where its parser refuses it.
pub(crate) fn text(path: &Path, what: Input) -> Result<String, Problem> {
    let bytes = bounded(path, what, TEXT_MAX_LEN as u64)?;
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let unreadable = |source| Problem::Unreadable { what, path: path.into(), source };
    // A character that the cut went through is not what is wrong with the text.
    let cut = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match bytes.len() > TEXT_MAX_LEN {
        true => Ok(cut(bytes)),
        false => String::from_utf8(bytes).map_err(invalid).map_err(unreadable),
    }
}

/// The bytes of the Wasm file at `path`, from its text if it is one, and what they are.
pub(crate) fn component(path: &Path, limit: ByteSize) -> Result<(bytes::Bytes, Shape), Problem> {
    let mut bytes = bounded(path, Input::Component, limit.0)?;
    if bytes.len() as u64 > limit.0 {
        return Err(Problem::TooLarge { path: path.into(), limit });
    }
    if Ending::of(path) == Some(Ending::Wat) {
        bytes = wat::Parser::new()
            .parse_bytes(Some(path), &bytes)
            .map_err(|error| Problem::Text { path: path.into(), reason: error.to_string() })?
            .into_owned();
    }
    let shape = Shape::read(&bytes).map_err(|source| Problem::Shape { path: path.into(), source })?;
    Ok((bytes.into(), shape))
}

/// The bytes of the regular file at `path`; if there are more than `max`, the first `max` and one.
fn bounded(path: &Path, what: Input, max: u64) -> Result<Vec<u8>, Problem> {
    let unreadable = |source| Problem::Unreadable { what, path: path.into(), source };
    // Looked at before it is opened: to open a pipe is to wait for its writer.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Problem::NotAFile { path: path.into(), what: kind(&metadata) });
    }
    let mut bytes = Vec::new();
    let read = |file: File| file.take(max.saturating_add(1)).read_to_end(&mut bytes);
    File::open(path).and_then(read).map_err(unreadable)?;
    Ok(bytes)
}

/// The bytes of the regular file at `path`, of which there may be `max`.
pub(crate) fn small(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let metadata = fs::metadata(path)?;
    match (metadata.is_file(), metadata.len() <= max) {
        (false, _) => Err(invalid(&format!("it is {} and no regular file", kind(&metadata)))),
        (_, false) => Err(invalid(&format!("it has more than {max} bytes"))),
        (true, true) => {
            let mut bytes = Vec::new();
            File::open(path)?.take(max).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
    }
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// What a file is by the ending of its name, in capitals or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Manifest,
    Wasm,
    Wat,
}

impl Ending {
    /// The ending of `path`, if it is one that we know.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Ending::Manifest),
            "wasm" => Some(Ending::Wasm),
            "wat" => Some(Ending::Wat),
            _ => None,
        }
    }
}
