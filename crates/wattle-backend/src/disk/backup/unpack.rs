//! An archive to its data directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry, EntryType};

use super::error::failed;
use super::{BackupError, FORMAT, LEFT_OUT, Volume};
use crate::disk::data_dir::{self, LOST_AND_FOUND};
use crate::disk::{atomic_file, format};

/// The most bytes of a format.
const FORMAT_MAX_LEN: u64 = 16;

type Packed = GzDecoder<BufReader<File>>;

pub(super) fn unpack(archive: &Path, directory: &Path) -> Result<Volume, BackupError> {
    let unreadable = |source| BackupError::Unreadable { path: archive.into(), source };
    let mut file = File::open(archive).map_err(unreadable)?;
    let mut unpacking = Unpacking { archive, directory, volume: Volume::default() };
    // It is read twice.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    check(&file).map_err(|error| unpacking.damaged(error))?;
    file.rewind().map_err(unreadable)?;
    let mut packed = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut entries = packed.entries().map_err(|error| unpacking.damaged(error))?;
    let format = unpacking.format(entries.next())?;
    let was_there = directory.exists();
    data_dir::create(directory)?;
    check_empty(directory)?;
    let lock = data_dir::lock(directory)?;
    let unpacked = unpacking.rest(entries).and_then(|()| {
        // The checksum once more, of what was read now.
        io::copy(&mut packed.into_inner(), &mut io::sink()).map_err(|error| unpacking.damaged(error))?;
        let synced = File::open(directory).and_then(|directory| Ok(rustix::fs::syncfs(directory)?));
        synced.map_err(failed("sync", directory))?;
        // From now on it is a data directory.
        atomic_file::write(&directory.join(FORMAT), format.as_bytes()).map_err(failed("write", directory))
    });
    if unpacked.is_err() {
        clear(directory, was_there);
    }
    drop(lock);
    unpacked.map(|()| unpacking.volume)
}

/// Reads all of `packed` once: its checksum comes last, and nothing is done with what that does not vouch for.
fn check(packed: &File) -> io::Result<()> {
    let mut packed = GzDecoder::new(BufReader::new(packed));
    io::copy(&mut packed, &mut io::sink())?;
    match packed.into_inner().fill_buf()? {
        [] => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "something follows its end")),
    }
}

fn check_empty(directory: &Path) -> Result<(), BackupError> {
    let mut entries = fs::read_dir(directory).map_err(failed("read", directory))?;
    match entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOST_AND_FOUND)) {
        true => Ok(()),
        false => Err(BackupError::NotEmpty { path: directory.into() }),
    }
}

/// Removes what was unpacked into `directory`, which was empty, as far as that is possible.
fn clear(directory: &Path, was_there: bool) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name() != LOST_AND_FOUND) {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let _ = if is_directory { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
    }
    if !was_there {
        let _ = fs::remove_dir(directory);
    }
}

struct Unpacking<'a> {
    archive: &'a Path,
    directory: &'a Path,
    volume: Volume,
}

impl Unpacking<'_> {
    fn damaged(&self, source: io::Error) -> BackupError {
        BackupError::Damaged { path: self.archive.into(), source }
    }

    fn strange(&self, entry: &Path) -> BackupError {
        BackupError::Strange { path: self.archive.into(), entry: entry.display().to_string() }
    }

    /// What the first entry says of the format, if this release reads that.
    fn format(&mut self, first: Option<io::Result<Entry<'_, Packed>>>) -> Result<String, BackupError> {
        let nothing = || self.damaged(io::ErrorKind::UnexpectedEof.into());
        let first = first.ok_or_else(nothing)?.map_err(|error| self.damaged(error))?;
        let name = first.path().map_err(|error| self.damaged(error))?.into_owned();
        if name != Path::new(FORMAT) {
            return Err(self.strange(&name));
        }
        let mut text = String::new();
        first.take(FORMAT_MAX_LEN).read_to_string(&mut text).map_err(|error| self.damaged(error))?;
        self.count(text.len() as u64);
        format::parse(&text, self.archive, &self.archive.join(FORMAT))?;
        Ok(text)
    }

    fn rest(&mut self, entries: tar::Entries<'_, Packed>) -> Result<(), BackupError> {
        for entry in entries {
            let entry = entry.map_err(|error| self.damaged(error))?;
            let name = entry.path().map_err(|error| self.damaged(error))?.into_owned();
            let path = self.place(&name)?;
            match entry.header().entry_type() {
                EntryType::Directory => {
                    DirBuilder::new().mode(0o700).create(&path).map_err(failed("make", &path))?;
                }
                EntryType::Regular => self.file(entry, &path)?,
                _ => return Err(self.strange(&name)),
            }
        }
        Ok(())
    }

    /// Where an entry of this name goes. Its directory was there before it.
    fn place(&self, name: &Path) -> Result<PathBuf, BackupError> {
        let mut parts = name.components();
        let is_below = parts.clone().all(|part| matches!(part, Component::Normal(_)));
        let is_left_out = parts.next().is_none_or(|first| {
            [FORMAT, LOST_AND_FOUND].iter().chain(&LEFT_OUT).any(|&name| first.as_os_str() == name)
        });
        match is_below && !is_left_out {
            true => Ok(self.directory.join(name)),
            false => Err(self.strange(name)),
        }
    }

    fn file(&mut self, mut entry: Entry<'_, Packed>, path: &Path) -> Result<(), BackupError> {
        let mode = entry.header().mode().unwrap_or(0o600) & 0o700;
        let mut file = OpenOptions::new();
        let file = file.write(true).create_new(true).mode(mode | 0o600).open(path);
        let mut file = file.map_err(failed("write", path))?;
        // Which of both it was is told apart by reading and writing one after the other.
        let mut block = vec![0; 1 << 16];
        loop {
            let read = entry.read(&mut block).map_err(|error| self.damaged(error))?;
            if read == 0 {
                break;
            }
            io::Write::write_all(&mut file, &block[..read]).map_err(failed("write", path))?;
        }
        self.count(entry.size());
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.volume.files += 1;
        self.volume.bytes += bytes;
    }
}
