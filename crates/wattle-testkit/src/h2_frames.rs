//! A client of HTTP/2 that sends exactly the frames it is told to (RFC 9113), with header fields as HPACK literals.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// What a client sends first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
pub const DATA: u8 = 0;
/// Header fields of a request.
pub const HEADERS: u8 = 1;
/// A stream's priority.
pub const PRIORITY: u8 = 2;
/// The end of a stream.
pub const RST_STREAM: u8 = 3;
/// Settings of a connection.
pub const SETTINGS: u8 = 4;
/// Are you there?
pub const PING: u8 = 6;
/// The end of a connection.
pub const GOAWAY: u8 = 7;
/// More room for bodies.
pub const WINDOW_UPDATE: u8 = 8;
/// More header fields.
pub const CONTINUATION: u8 = 9;

/// The last frame of a stream's direction; of `SETTINGS` and `PING`, an acknowledgement.
pub const END_STREAM: u8 = 1;
/// The last frame of a block of header fields.
pub const END_HEADERS: u8 = 4;

/// The error code that tells a client to be less of a burden.
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a `GOAWAY` of this error code.
    GoAway(u32),
    /// Without a word.
    Closed,
}

/// A connection.
pub struct RawHttp2 {
    stream: TcpStream,
}

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut bytes = vec![len[1], len[2], len[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header field as a literal that nobody keeps (RFC 7541, section 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.extend(length(text.len()));
        bytes.extend(text.bytes());
    }
    bytes
}

/// An integer with a prefix of 7 bits (RFC 7541, section 5.1).
fn length(len: usize) -> Vec<u8> {
    if len < 127 {
        return vec![len as u8];
    }
    let (mut bytes, mut rest) = (vec![127], len - 127);
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes
}

/// The header fields of a request.
pub fn request(method: &str, path: &str) -> Vec<u8> {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")]
        .into_iter()
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

impl RawHttp2 {
    /// Connects, with the preface and settings that change nothing.
    ///
    /// # Panics
    ///
    /// If nobody accepts.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
        stream.set_nodelay(true).expect("set an option of a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not nothing");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out that is not nothing");
        let mut client = Self { stream };
        client.send(PREFACE).expect("send the preface");
        client.send(&frame(SETTINGS, 0, 0, &[])).expect("send settings");
        client
    }

    /// Sends these bytes.
    ///
    /// # Errors
    ///
    /// If the server is gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends `bytes` again and again until the server wants no more, at most so often.
    pub fn flood(&mut self, times: usize, mut bytes: impl FnMut(usize) -> Vec<u8>) -> Ended {
        let mut reader = Self { stream: self.stream.try_clone().expect("duplicate a socket") };
        std::thread::scope(|scope| {
            let ended = scope.spawn(move || reader.end());
            for time in 0..times {
                if self.send(&bytes(time)).is_err() {
                    break;
                }
            }
            ended.join().expect("the reader does not panic")
        })
    }

    /// The next frame.
    ///
    /// # Errors
    ///
    /// If none comes.
    pub fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame of this kind on this stream.
    ///
    /// # Panics
    ///
    /// If none comes.
    #[track_caller]
    pub fn wait_for(&mut self, kind: u8, stream: u32) -> Frame {
        loop {
            match self.read() {
                Ok(frame) if (frame.kind, frame.stream) == (kind, stream) => return frame,
                Ok(_) => {}
                Err(error) => panic!("no frame of the kind {kind} came on stream {stream}: {error}"),
            }
        }
    }

    /// Reads until the server closes.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn end(&mut self) -> Ended {
        let mut ended = Ended::Closed;
        loop {
            match self.read() {
                Ok(Frame { kind: GOAWAY, payload, .. }) => {
                    let code = payload.get(4..8).and_then(|code| code.try_into().ok()).map_or(0, u32::from_be_bytes);
                    ended = Ended::GoAway(code);
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("the server does not close");
                }
                Err(_) => return ended,
            }
        }
    }
}
