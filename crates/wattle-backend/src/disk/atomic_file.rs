//! Writing a file so that after a crash it is there whole, or as it was before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Longer than the small files that we write, in bytes.
const SMALL: u64 = 1 << 10;

/// Where a file is prepared before it takes its name. One process owns the directory, so one name is enough.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Options to create files that only their owner may read. A link in place of a file is not followed: a directory that
/// came from somebody else must not lead us to a file of ours.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Reads a small file that must be one: no link, no pipe. What is longer than any of ours is cut.
pub(super) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let mut bytes = Vec::new();
    match file.metadata()?.is_file() {
        true => file.take(SMALL).read_to_end(&mut bytes).map(|_| bytes),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Writes `contents` to `path`, which then has them or what it had before, whatever happens.
pub(super) fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    draft(&temporary, contents)?;
    publish(&temporary, path)
}

/// Writes what is to get its name later.
pub(super) fn draft(temporary: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = private().truncate(true).open(temporary)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Gives a file that is written and synced its name, for good.
pub(super) fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    sync_parent(path)
}

/// Makes the names in the directory of `path` last.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
