//! A data directory to its archive.

use std::fs::{self, DirEntry, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::error::failed;
use super::{BackupError, FORMAT, LEFT_OUT, Volume};
use crate::disk::{DataDir, FileDraft, atomic_file};

pub(super) fn pack(data: &DataDir, archive: &Path) -> Result<Volume, BackupError> {
    check_place(data, archive)?;
    write(data, archive)
}

/// The same, wherever that is.
pub(super) fn write(data: &DataDir, archive: &Path) -> Result<Volume, BackupError> {
    let draft = FileDraft::of(archive.into());
    let file = atomic_file::private().truncate(true).open(draft.written()).map_err(failed("write", archive))?;
    let compressed = GzEncoder::new(BufWriter::new(file), Compression::fast());
    let mut packing = Packing { archive: tar::Builder::new(compressed), to: archive, volume: Volume::default() };
    packing.file(&data.path().join(FORMAT), Path::new(FORMAT))?;
    packing.directory(data.path(), Path::new(""))?;
    let Packing { archive: packed, volume, .. } = packing;
    let synced = packed.into_inner().and_then(GzEncoder::finish).and_then(|mut file| {
        file.flush()?;
        file.get_ref().sync_all()
    });
    synced.map_err(failed("write", archive))?;
    draft.publish()?;
    Ok(volume)
}

/// Whether a backup can be put there.
fn check_place(data: &DataDir, archive: &Path) -> Result<(), BackupError> {
    if archive.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: archive.into() });
    }
    let parent = archive.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = |path: &Path| path.canonicalize().map_err(failed("find", path));
    match real(parent)?.starts_with(real(data.path())?) {
        true => Err(BackupError::Inside { path: archive.into() }),
        false => Ok(()),
    }
}

struct Packing<'a, W: Write> {
    archive: tar::Builder<W>,
    to: &'a Path,
    volume: Volume,
}

impl<W: Write> Packing<'_, W> {
    /// What is in a directory, which is called `name` in the archive, in the order of the names.
    fn directory(&mut self, path: &Path, name: &Path) -> Result<(), BackupError> {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let mut entries = entries.map_err(failed("read", path))?;
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let (path, file_name) = (entry.path(), entry.file_name());
            let is_first = name.as_os_str().is_empty();
            if is_first && (file_name == FORMAT || LEFT_OUT.iter().any(|&left_out| file_name == left_out)) {
                continue;
            }
            let (kind, name) = (entry.file_type().map_err(failed("read", &path))?, name.join(&file_name));
            if kind.is_dir() {
                let header = header(&path, EntryType::Directory)?.0;
                self.append(header, &name, io::empty())?;
                self.directory(&path, &name)?;
            } else if kind.is_file() {
                self.file(&path, &name)?;
            } else {
                // A socket, as of a control socket that somebody put here: whoever listens makes it.
                tracing::warn!(path = %path.display(), "left out of the backup: it is neither a file nor a directory");
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &Path) -> Result<(), BackupError> {
        let file = File::open(path).map_err(failed("read", path))?;
        let (header, bytes) = header(path, EntryType::Regular)?;
        self.append(header, name, file)?;
        self.volume.files += 1;
        self.volume.bytes += bytes;
        Ok(())
    }

    fn append(&mut self, mut header: Header, name: &Path, contents: impl io::Read) -> Result<(), BackupError> {
        self.archive.append_data(&mut header, name, contents).map_err(failed("write", self.to))
    }
}

/// What is said of what is at `path`, and its length.
fn header(path: &Path, kind: EntryType) -> Result<(Header, u64), BackupError> {
    let metadata = path.symlink_metadata().map_err(failed("read", path))?;
    let bytes = if kind.is_dir() { 0 } else { metadata.len() };
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(metadata.permissions().mode() & 0o777);
    Ok((header, bytes))
}
