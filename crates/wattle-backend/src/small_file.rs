//! Files that somebody else wrote, read without waiting for a pipe and without taking more than there may be.

use std::fs::{File, Metadata};
use std::io;
#[cfg(any(feature = "nats", test))]
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to be read, with what is known of it. It never waits: not for a writer, if it is a pipe.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// The content of a regular file of at most `limit` bytes.
#[cfg(any(feature = "nats", test))]
pub(crate) fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut content)?;
    match content.len() > limit {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"))),
        false => Ok(content),
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    fn refused(path: &Path, limit: usize) -> String {
        read(path, limit).expect_err("it is refused").to_string()
    }

    #[test]
    fn only_small_regular_files_are_read() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        std::fs::write(&path, "12345").expect("it is written");
        assert_eq!(read(&path, 5).expect("it is read"), b"12345");
        assert_eq!(refused(&path, 4), "it has more than 4 bytes");
        assert_eq!(refused(dir.path(), 4), "it is not a regular file");
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
        assert_eq!(refused(&pipe, 4), "it is not a regular file");
    }
}
