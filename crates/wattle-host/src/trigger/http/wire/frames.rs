//! The frames of HTTP/2 (RFC 9113, section 4.1) in a stream of bytes, as far as their heads tell.

/// What a client of HTTP/2 sends first.
pub(in crate::trigger::http) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame's head.
const HEAD_LEN: usize = 9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The error code that asks a client to be less of a burden.
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) kind: Kind,
    pub(super) len: u32,
    flags: u8,
    pub(super) stream: u32,
}

/// What a frame is, as far as anybody here asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Continuation,
    /// One that carries neither a request nor a body.
    Control,
}

impl FrameHead {
    fn parse(bytes: [u8; HEAD_LEN]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            3 => Kind::Reset,
            9 => Kind::Continuation,
            _ => Kind::Control,
        };
        Self { kind, len: u32::from_be_bytes([0, a, b, c]), flags, stream: u32::from_be_bytes(stream) & !(1 << 31) }
    }

    /// Whether it is worth nothing: no part of a request, a body or an end.
    pub(super) fn is_idle(self) -> bool {
        match self.kind {
            Kind::Control => true,
            Kind::Data => self.len == 0 && self.flags & END_STREAM == 0,
            Kind::Continuation => self.len == 0,
            Kind::Headers | Kind::Reset => false,
        }
    }

    fn opens_block(self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & END_HEADERS == 0
    }
}

/// Follows one direction of a connection.
pub(super) struct Frames {
    /// Bytes before the next frame's head.
    skip: u32,
    head: [u8; HEAD_LEN],
    head_len: usize,
    /// Whether the frame under way belongs to a block of header fields, and whether the block goes on behind it.
    in_headers: bool,
    block_open: bool,
}

impl Frames {
    /// What a client sends: the preface first.
    pub(super) fn of_client() -> Self {
        Self { skip: PREFACE.len() as u32, ..Self::of_server() }
    }

    /// What a server sends.
    pub(super) fn of_server() -> Self {
        Self { skip: 0, head: [0; HEAD_LEN], head_len: 0, in_headers: false, block_open: false }
    }

    /// Follows `bytes` and tells of each frame whose head ends in them.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut seen: impl FnMut(FrameHead)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let len = bytes.len().min(self.skip as usize);
                self.skip -= len as u32;
                bytes = &bytes[len..];
                continue;
            }
            let len = bytes.len().min(HEAD_LEN - self.head_len);
            self.head[self.head_len..][..len].copy_from_slice(&bytes[..len]);
            self.head_len += len;
            bytes = &bytes[len..];
            if self.head_len == HEAD_LEN {
                let head = FrameHead::parse(self.head);
                self.head_len = 0;
                self.skip = head.len;
                self.in_headers = matches!(head.kind, Kind::Headers | Kind::Continuation);
                self.block_open = head.opens_block();
                seen(head);
            }
        }
    }

    /// Whether a block of header fields has begun and is not whole yet.
    pub(super) fn in_block(&self) -> bool {
        self.block_open || self.in_headers && self.skip > 0
    }

    /// Whether the last frame is whole and the next has not begun.
    pub(super) fn between(&self) -> bool {
        self.skip == 0 && self.head_len == 0
    }
}

/// The frame that ends a connection because its client was too much of a burden.
pub(super) fn calm_down(last_stream: u32) -> [u8; HEAD_LEN + 8] {
    let mut frame = [0; HEAD_LEN + 8];
    frame[2] = 8;
    frame[3] = 7;
    frame[HEAD_LEN..][..4].copy_from_slice(&last_stream.to_be_bytes());
    frame[HEAD_LEN + 4..].copy_from_slice(&ENHANCE_YOUR_CALM.to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same frames, however the bytes are cut.
    #[test]
    fn frames_in_pieces() {
        let mut bytes = PREFACE.to_vec();
        bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        bytes.extend([0, 0, 3, 1, 0, 0, 0, 0, 1, 7, 7, 7]);
        bytes.extend([0, 0, 1, 9, 4, 0, 0, 0, 1, 7]);
        bytes.extend([0, 0, 2, 0, 1, 0x80, 0, 0, 1, 7, 7]);
        for piece in 1..bytes.len() {
            let mut frames = Frames::of_client();
            let mut seen = Vec::new();
            for piece in bytes.chunks(piece) {
                frames.read(piece, |head| seen.push((head.kind, head.len, head.stream, head.is_idle())));
            }
            let expected = [
                (Kind::Control, 0, 0, true),
                (Kind::Headers, 3, 1, false),
                (Kind::Continuation, 1, 1, false),
                (Kind::Data, 2, 1, false),
            ];
            assert_eq!(seen, expected, "in pieces of {piece}");
            assert!(frames.between() && !frames.in_block());
        }
    }

    #[test]
    fn blocks_of_header_fields() {
        let mut frames = Frames::of_server();
        let mut in_block = |bytes: &[u8]| {
            frames.read(bytes, |_| {});
            frames.in_block()
        };
        assert!(!in_block(&[0, 0, 1, 1, 4, 0, 0, 0]));
        assert!(in_block(&[1]), "its fields are missing");
        assert!(!in_block(&[7]));
        assert!(in_block(&[0, 0, 0, 1, 0, 0, 0, 0, 1]), "more fields are announced");
        assert!(!in_block(&[0, 0, 0, 9, 4, 0, 0, 0, 1]));
        assert!(!in_block(&[0, 0, 9, 0, 0, 0, 0, 0, 1]), "a body is no head");
    }
}
