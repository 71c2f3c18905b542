//! Why an index is no app that can be used, or parts make none.

use wattle_spec::digest::Digest;
use wattle_spec::name::NameError;

use super::APP;
use crate::format::folder_path::FolderPathError;

/// Why an index is no app that can be used, or parts make none.
#[derive(Debug, thiserror::Error)]
pub enum AppFormError {
    /// It is something else.
    #[error("its type is {0:?}, and that of an app is {APP:?}")]
    Type(String),
    /// It is an app of a later format.
    #[error("its type {0:?} is of a later format than this `wattle` knows")]
    Later(String),
    /// It lists nothing.
    #[error("it lists no manifest of its own")]
    Empty,
    /// What it lists first is something else.
    #[error("the manifest {0}, which it lists first, is not its own")]
    NotOwn(Digest),
    /// Its own manifest holds something that an older `wattle` would leave out.
    #[error("it holds a layer of the media type {0:?}, which this `wattle` does not know")]
    Layer(String),
    /// There is no text of its manifest.
    #[error("it holds no wattle.toml")]
    NoText,
    /// Something is there twice.
    #[error("it holds {0} twice")]
    Twice(String),
    /// There is too much of something.
    #[error("it has {count} {what}, and may have {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// One of its texts is longer than any that is read.
    #[error("its {what} has {size} bytes, and may have {max}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Bytes that it has.
        size: u64,
        /// Bytes that it may have.
        max: u64,
    },
    /// Its parts are more together than is ever read.
    #[error("its {what} have {size} bytes together, and may have {max}")]
    Total {
        /// Which ones.
        what: &'static str,
        /// Bytes that they have.
        size: u64,
        /// Bytes that they may have.
        max: u64,
    },
    /// It names the same blob with two sizes, of which one is wrong.
    #[error("it lists {digest} with {size} bytes and with {other}")]
    TwoSizes {
        /// The digest of the blob.
        digest: Digest,
        /// Bytes that it should have.
        size: u64,
        /// Bytes that it should have as well.
        other: u64,
    },
    /// Something in its list is no component.
    #[error("what it lists as {0} is not said to be a component")]
    Unnamed(Digest),
    /// A component is called what none is called.
    #[error("{name:?} is no name of a component")]
    Name {
        /// What it is called.
        name: String,
        /// What is wrong with that.
        source: NameError,
    },
    /// A component is something else.
    #[error("its component `{name}` is of the media type {media_type:?}, and not a manifest")]
    Member {
        /// The name of the component.
        name: String,
        /// What it is instead.
        media_type: String,
    },
    /// Something that it lists as a manifest is another list.
    #[error("it lists {0} as a manifest, and that is a list of manifests")]
    List(Digest),
    /// A manifest in its list is longer or shorter than the list says.
    #[error("it lists {digest} with {size} bytes, and that has {found}")]
    Size {
        /// The digest of the manifest.
        digest: Digest,
        /// Bytes that it should have.
        size: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// An archive does not say which folder it is.
    #[error("the archive {0} does not say which folder it is")]
    NoFolder(Digest),
    /// A folder is where none can be.
    #[error("{path:?} is no path of a folder")]
    Folder {
        /// The path.
        path: String,
        /// What is wrong with it.
        source: FolderPathError,
    },
}

/// What helps against too much.
pub(crate) const LESS: &str = "is everything in its folders meant to be shipped? it may also be several apps";

impl AppFormError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Later(_) | Self::Layer(_) => Some("a later release of `wattle` may know it: update this one".into()),
            Self::Total { .. } | Self::TooLong { what: "folder", .. } => Some(LESS.into()),
            _ => None,
        }
    }
}
