//! An answer in steps: head, pieces of body, end.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

/// How much one blocking write takes, in bytes.
const PIECE: usize = 4096;

/// An answer whose head is on its way.
pub struct Answer {
    // Dropped before the body that it belongs to.
    stream: OutputStream,
    body: OutgoingBody,
}

impl Answer {
    /// Sends the head with the status 200.
    pub fn begin(outparam: ResponseOutparam, headers: Fields) -> Answer {
        Answer::send(outparam, OutgoingResponse::new(headers))
    }

    /// Sends a head.
    pub fn send(outparam: ResponseOutparam, response: OutgoingResponse) -> Answer {
        let body = response.body().expect("a new response has its body");
        ResponseOutparam::set(outparam, Ok(response));
        let stream = body.write().expect("a new body has its stream");
        Answer { stream, body }
    }

    /// Writes and flushes; false if nobody takes it any more.
    pub fn write(&self, content: &[u8]) -> bool {
        content.chunks(PIECE).all(|piece| self.stream.blocking_write_and_flush(piece).is_ok())
    }

    /// Ends the body; the text is the error if the end is refused.
    pub fn finish(self) -> Result<(), String> {
        drop(self.stream);
        OutgoingBody::finish(self.body, None).map_err(|code| format!("{code:?}"))
    }
}

/// The usual head: plain text.
pub fn plain() -> Fields {
    let headers = Fields::new();
    headers.append("content-type", b"text/plain").expect("this header is valid");
    headers
}

/// Answers with a text.
pub fn text(outparam: ResponseOutparam, text: &str) {
    let answer = Answer::begin(outparam, plain());
    answer.write(text.as_bytes());
    _ = answer.finish();
}

/// A number of the query, or the default.
pub fn number(query: &str, name: &str, default: u64) -> u64 {
    let given = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    given.and_then(|digits| digits.parse().ok()).unwrap_or(default)
}
