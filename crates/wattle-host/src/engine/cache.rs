//! Compiled code on disk: keyed by the component's digest and by everything that decides how code is generated.
//!
//! Loading compiled code is running it, so it is loaded only from a directory and from files that belong to this user
//! and that nobody else can write, and only if nothing has damaged its bytes. What does not hold is removed and compiled
//! again.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wattle_spec::digest::Digest;

use super::Profile;
use super::code::{Code, TrustedCode};

/// Bytes of the CRC-32 that stands at the end of each file, over all that comes before it: it finds damage. Whoever could
/// forge code could forge a longer seal as well.
const SEAL_LEN: usize = 4;

/// Bytes that are read at once to see that a file is whole: they stay in the cache of the core.
const READ_LEN: usize = 64 << 10;

/// Which form these files have. Of another one they have other names.
const FORMAT: u32 = 2;

/// The directory of compiled code.
#[derive(Debug, Clone)]
pub struct CodeCache {
    directory: PathBuf,
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CodeCacheError {
    /// A file or directory could not be read or written.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Somebody else could change what is in it.
    #[error("{} is not safe to load code from: {reason}", path.display())]
    Unsafe {
        /// Which file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl CodeCacheError {
    /// What the operator can do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            CodeCacheError::Unsafe { path, .. } => {
                Some(format!("remove it, and what is needed is compiled again: rm -r {}", path.display()))
            }
            CodeCacheError::Io { .. } => None,
        }
    }
}

fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CodeCacheError {
    move |source| CodeCacheError::Io { operation, path: path.into(), source }
}

impl CodeCache {
    /// Opens the cache in `directory`, which is made if it is not there, for its owner only.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or if others could write to it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, CodeCacheError> {
        let directory = directory.into();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(io_error("create", &directory))?;
        let metadata = fs::symlink_metadata(&directory).map_err(io_error("read", &directory))?;
        trusted(&directory, &metadata)?;
        Ok(Self { directory })
    }

    /// The code of the component `digest` for `engine`, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, profile: Profile, digest: &Digest) -> Option<Code> {
        let path = self.path(engine, profile, digest);
        match self.read(engine, &path) {
            Ok(code) => code,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled code is unusable and is compiled again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps `code`. It appears whole or not at all.
    pub(crate) fn store(
        &self,
        engine: &Engine,
        profile: Profile,
        digest: &Digest,
        code: &[u8],
    ) -> Result<(), CodeCacheError> {
        let path = self.path(engine, profile, digest);
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let write = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(code)?;
            file.write_all(&seal(code))?;
            file.sync_all()?;
            fs::rename(&part, &path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&part);
            io_error("write", &path)(error)
        })
    }

    fn path(&self, engine: &Engine, profile: Profile, digest: &Digest) -> PathBuf {
        let mut key = std::hash::DefaultHasher::new();
        FORMAT.hash(&mut key);
        engine.precompile_compatibility_hash().hash(&mut key);
        self.directory.join(format!("{}-{profile}-{:016x}.cwasm", digest.hex(), key.finish()))
    }

    fn read(&self, engine: &Engine, path: &Path) -> wasmtime::Result<Option<Code>> {
        let file = match File::options().read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32).open(path)
        {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        trusted(path, &metadata)?;
        if !is_whole(&file, metadata.len())? {
            wasmtime::bail!("its seal does not match its bytes");
        }
        TrustedCode::cached(&file).load(engine).map(Some)
    }
}

fn seal(code: &[u8]) -> [u8; SEAL_LEN] {
    crc32fast::hash(code).to_le_bytes()
}

/// Whether the seal of a file of `len` bytes is that of the bytes before it.
fn is_whole(mut file: &File, len: u64) -> io::Result<bool> {
    let mut hasher = crc32fast::Hasher::new();
    let (mut code, mut buffer) = (file.take(len.saturating_sub(SEAL_LEN as u64)), vec![0; READ_LEN]);
    loop {
        match code.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let mut sealed = Vec::new();
    file.read_to_end(&mut sealed)?;
    Ok(sealed == hasher.finalize().to_le_bytes())
}

/// Refuses what somebody else owns or may write.
fn trusted(path: &Path, metadata: &fs::Metadata) -> Result<(), CodeCacheError> {
    let unsafe_because = |reason| Err(CodeCacheError::Unsafe { path: path.into(), reason });
    if metadata.file_type().is_symlink() {
        return unsafe_because("it is a symbolic link");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return unsafe_because("it belongs to another user");
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return unsafe_because("its group or everybody may write to it");
    }
    Ok(())
}
