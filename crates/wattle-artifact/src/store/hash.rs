//! Digests of bytes that come piece by piece.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use wattle_spec::digest::Digest;

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// The digest of what it has seen.
#[derive(Clone, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Goes on with what is left of `file`, and says how many bytes that was.
    pub(crate) fn update_from(&mut self, file: &File) -> io::Result<u64> {
        let mut len = 0;
        each_piece(file, |piece| {
            self.update(piece);
            len += piece.len() as u64;
        })?;
        Ok(len)
    }

    pub(crate) fn digest(self) -> Digest {
        use std::fmt::Write as _;
        let mut text = String::from("sha256:");
        for byte in self.0.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        text.parse().expect("invariant: SHA-256 has 32 bytes")
    }
}

/// Reads what is left, piece by piece.
pub(super) fn each_piece(mut from: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
