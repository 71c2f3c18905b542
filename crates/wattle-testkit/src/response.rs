//! What a server answered: its head, its body, and whether the body was whole.

use serde_json::Value;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where its framing says that it ends.
    Complete,
    /// The connection ended before.
    Cut,
    /// Nothing more came, and the connection did not end either.
    Stalled,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its head.
    pub head: Head,
    /// Its body, as far as it came.
    pub body: Vec<u8>,
    /// What came after a chunked body.
    pub trailers: Vec<(String, String)>,
    /// How its body ended.
    pub end: End,
}

impl Head {
    /// Reads a head, up to and with its empty line.
    ///
    /// # Errors
    ///
    /// If it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.1 ").or(first.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("{first:?} is not the first line of an answer"))?;
        Ok(Self { status, headers: lines.map(field).collect::<Result<_, _>>()? })
    }

    /// The only header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The only header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Whether the client has reason to believe that this is the whole answer.
    pub fn is_complete(&self) -> bool {
        self.end == End::Complete
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The stable code of an answer that the host gave itself.
    pub fn code(&self) -> Option<String> {
        Some(self.json().pointer("/error/code")?.as_str()?.to_owned())
    }

    /// The status with the code of the host, `504 deadline`; or with the text of a component, `200 hello`.
    pub fn summary(&self) -> String {
        let told = self.code().unwrap_or_else(|| self.text().trim_end().to_owned());
        let end = if self.is_complete() { String::new() } else { format!(" ({:?})", self.end) };
        format!("{} {told}{end}", self.status())
    }
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is not a header field"))?;
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// A body while it comes.
pub(crate) struct Body {
    framing: Framing,
    trailers: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes are missing.
    Length(u64),
    /// A chunk's head comes next.
    ChunkHead,
    /// So many bytes of a chunk are missing, its line break included.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailers,
    /// It ends when the connection does.
    UntilClose,
    Complete,
    /// It is not what its head announced.
    Broken,
}

impl Body {
    pub(crate) fn of(head: &Head, method: &str) -> Self {
        let is_chunked = head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let framing = match head.header("content-length").map(str::parse) {
            _ if method == "HEAD" || matches!(head.status, 100..200 | 204 | 304) => Framing::Complete,
            _ if is_chunked => Framing::ChunkHead,
            Some(Ok(0)) => Framing::Complete,
            Some(Ok(length)) => Framing::Length(length),
            Some(Err(_)) => Framing::Broken,
            None => Framing::UntilClose,
        };
        Self { framing, trailers: Vec::new() }
    }

    /// Takes as much of `bytes` as it can; how much.
    pub(crate) fn decode(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let used = match self.framing {
                Framing::Length(missing) => {
                    let length = rest.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
                    take(&rest[..length]);
                    let missing = missing - length as u64;
                    self.framing = if missing == 0 { Framing::Complete } else { Framing::Length(missing) };
                    length
                }
                Framing::Chunk(missing) => {
                    let length = rest.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
                    let content = length.min(usize::try_from(missing.saturating_sub(2)).unwrap_or(usize::MAX));
                    take(&rest[..content]);
                    let missing = missing - length as u64;
                    self.framing = if missing == 0 { Framing::ChunkHead } else { Framing::Chunk(missing) };
                    length
                }
                Framing::UntilClose => {
                    take(rest);
                    rest.len()
                }
                Framing::ChunkHead | Framing::Trailers => self.line(rest),
                Framing::Complete | Framing::Broken => 0,
            };
            if used == 0 {
                return at;
            }
            at += used;
        }
    }

    /// Takes a line if there is a whole one.
    fn line(&mut self, bytes: &[u8]) -> usize {
        let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") else { return 0 };
        let line = String::from_utf8_lossy(&bytes[..end]);
        self.framing = match (self.framing, line.as_ref()) {
            (Framing::Trailers, "") => Framing::Complete,
            (Framing::Trailers, line) => match field(line) {
                Ok(field) => {
                    self.trailers.push(field);
                    Framing::Trailers
                }
                Err(_) => Framing::Broken,
            },
            (_, line) => match u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16) {
                Ok(0) => Framing::Trailers,
                Ok(length) => Framing::Chunk(length + 2),
                Err(_) => Framing::Broken,
            },
        };
        end + 2
    }

    /// How it ended, if it has.
    pub(crate) fn end(&self) -> Option<End> {
        match self.framing {
            Framing::Complete => Some(End::Complete),
            Framing::Broken => Some(End::Cut),
            _ => None,
        }
    }

    /// The connection has ended in good order.
    pub(crate) fn closed(&self) -> End {
        match self.framing {
            Framing::Complete | Framing::UntilClose => End::Complete,
            _ => End::Cut,
        }
    }

    pub(crate) fn into_trailers(self) -> Vec<(String, String)> {
        self.trailers
    }
}
