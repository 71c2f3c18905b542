//! What a connection of HTTP/1.1 is doing: between requests, within a head, serving. Its raw bytes tell.

use std::sync::{Mutex, MutexGuard};

use http::Request;
use http::header::TRANSFER_ENCODING;
use http_body::Body;
use tokio::time::Instant;

/// What a connection is doing, shared between its bytes and its requests.
pub(in crate::trigger::http) struct Progress(Mutex<Reading>);

struct Reading {
    phase: Phase,
    head: Head,
    body: RawBody,
}

#[derive(Clone, Copy)]
pub(super) enum Phase {
    /// Between two requests, or before the first.
    Idle { since: Instant, first: bool },
    /// A head has begun and is not whole yet.
    Head { since: Instant },
    /// A request is being served.
    Busy { received: bool, answered: bool },
}

/// The raw bytes of the head that is read or comes next.
enum Head {
    /// All of them so far, up to the limit on heads and a byte more.
    Seen(Vec<u8>),
    /// Some came together with the request before: from now on nobody knows where a head begins.
    Unseen,
}

/// What was read of the body under way, told by its raw bytes.
#[derive(Clone, Copy)]
enum RawBody {
    /// So many bytes are missing; `None`: more were read than it has.
    Length(Option<u64>),
    /// The last read may have been its end.
    Chunked { may_have_ended: bool },
}

impl Progress {
    pub(super) fn new() -> Self {
        let phase = Phase::Idle { since: Instant::now(), first: true };
        Self(Mutex::new(Reading { phase, head: Head::Seen(Vec::new()), body: RawBody::Length(Some(0)) }))
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().expect("invariant: nothing panics while it holds this lock")
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// `bytes` were read; a head is kept up to `head_max` bytes and one more.
    pub(super) fn arrived(&self, bytes: &[u8], head_max: usize) {
        self.lock().arrived(bytes, head_max);
    }

    /// A head is whole, its request is being served. The parser hides some of what the bytes were: a `Content-Length`
    /// beside a `Transfer-Encoding`, bare line feeds, the size. So they are looked at here.
    pub(in crate::trigger::http) fn begin<B: Body>(&self, request: &Request<B>) -> Framing {
        let mut reading = self.lock();
        let coded = request.headers().contains_key(TRANSFER_ENCODING);
        let received = request.body().is_end_stream();
        reading.phase = Phase::Busy { received, answered: false };
        let seen = match &mut reading.head {
            Head::Seen(bytes) if !bytes.is_empty() => std::mem::take(bytes),
            _ => {
                reading.head = Head::Unseen;
                return if coded { Framing::Unseen } else { Framing::Clear };
            }
        };
        let (framing, head_len) = framing(&seen, coded);
        let rest = &seen[head_len..];
        if received {
            reading.head = Head::Seen(rest.to_vec());
        } else {
            reading.body = match request.body().size_hint().exact() {
                Some(length) => RawBody::Length(Some(length)),
                None => RawBody::Chunked { may_have_ended: false },
            };
            reading.body.read(rest);
        }
        framing
    }

    /// The request is there as a whole, or nobody wants the rest.
    pub(in crate::trigger::http) fn received(&self) {
        let mut reading = self.lock();
        let Phase::Busy { received: received @ false, .. } = &mut reading.phase else { return };
        *received = true;
        if !reading.body.ended_with_its_read() {
            reading.head = Head::Unseen;
        }
        reading.rest();
    }

    /// The answer is complete.
    pub(in crate::trigger::http) fn answered(&self) {
        let mut reading = self.lock();
        if let Phase::Busy { answered, .. } = &mut reading.phase {
            *answered = true;
        }
        reading.rest();
    }
}

impl RawBody {
    fn read(&mut self, bytes: &[u8]) {
        match self {
            RawBody::Length(missing) => *missing = missing.and_then(|missing| missing.checked_sub(bytes.len() as u64)),
            RawBody::Chunked { may_have_ended } => *may_have_ended = bytes.ends_with(b"\r\n\r\n"),
        }
    }

    /// Whether nothing came behind it in the read that ended it. A whole head may still have: then the next request
    /// is there without a byte of it seen.
    fn ended_with_its_read(self) -> bool {
        matches!(self, RawBody::Length(Some(0)) | RawBody::Chunked { may_have_ended: true })
    }
}

impl Reading {
    fn rest(&mut self) {
        if let Phase::Busy { received: true, answered: true } = self.phase {
            let since = Instant::now();
            self.phase = match &self.head {
                Head::Seen(head) if !head.is_empty() => Phase::Head { since },
                _ => Phase::Idle { since, first: false },
            };
        }
    }

    /// `bytes` were read; a head is kept up to `head_max` bytes and one more.
    fn arrived(&mut self, bytes: &[u8], head_max: usize) {
        match self.phase {
            Phase::Busy { received: false, .. } => return self.body.read(bytes),
            Phase::Idle { .. } => self.phase = Phase::Head { since: Instant::now() },
            Phase::Busy { .. } | Phase::Head { .. } => {}
        }
        if let Head::Seen(head) = &mut self.head {
            let room = (head_max + 1).saturating_sub(head.len());
            head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// What the raw bytes of a head say about where its request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trigger::http) enum Framing {
    Clear,
    /// Both a length and a transfer coding.
    Conflicting,
    /// A transfer coding, and nobody knows what is beside it: the connection must not be used again.
    Unseen,
    /// A line that other parsers might not take for one.
    BareLineFeed,
    /// More bytes than a head may have.
    TooLarge,
}

/// What the head at the start of `bytes` says, and how many bytes it has.
fn framing(bytes: &[u8], coded: bool) -> (Framing, usize) {
    const LENGTH: &[u8] = b"content-length";
    let mut has_length = false;
    let mut head_len = 0;
    let mut empty = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        head_len += line.len();
        match line {
            // An empty line before the request is none of it (RFC 9112, section 2.2).
            b"\r\n" if head_len == 2 * (empty + 1) => empty += 1,
            b"\r\n" if coded && has_length => return (Framing::Conflicting, head_len),
            b"\r\n" => return (Framing::Clear, head_len),
            line if line.ends_with(b"\r\n") => {}
            line if line.ends_with(b"\n") => return (Framing::BareLineFeed, head_len),
            _ => break,
        }
        has_length |= line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH));
    }
    (Framing::TooLarge, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{Framing, framing};

    #[test]
    fn what_raw_heads_say() {
        let check = |head: &str, coded, expected| assert_eq!(framing(head.as_bytes(), coded).0, expected, "{head:?}");
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", true, Framing::Clear);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncOnTent-LENGTH: 3\r\n\r\n", true, Framing::Conflicting);
        check("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n", true, Framing::Conflicting);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\nContent-Length: 3\r\n", true, Framing::Clear);
        check("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb", false, Framing::Clear);
        check("GET / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", false, Framing::Clear);
        check("GET / HTTP/1.1\nHost: a\n\n", false, Framing::BareLineFeed);
        check("GET / HTTP/1.1\r\nHost: a\n\r\n", false, Framing::BareLineFeed);
        check("GET / HTTP/1.1\r\nX: too lon", false, Framing::TooLarge);
        check("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", false, Framing::Clear);
        check("\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n", true, Framing::Conflicting);
        check("\nGET / HTTP/1.1\r\n\r\n", false, Framing::BareLineFeed);
        assert_eq!(framing(b"\r\nGET / HTTP/1.1\r\n\r\nrest", false).1, 20);
    }
}
