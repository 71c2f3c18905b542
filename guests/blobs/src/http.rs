//! What this guest answers.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// How much one call moves at most, in bytes.
const PIECE: u64 = 64 * 1024;

pub struct Answer {
    status: u16,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    Stream(InputStream),
}

impl Answer {
    pub fn done() -> Answer {
        Answer { status: 204, content: Content::Bytes(Vec::new()) }
    }

    pub fn bytes(bytes: Vec<u8>) -> Answer {
        Answer { status: 200, content: Content::Bytes(bytes) }
    }

    pub fn json(value: &serde_json::Value) -> Answer {
        Answer::bytes(value.to_string().into_bytes())
    }

    pub fn stream(stream: InputStream) -> Answer {
        Answer { status: 200, content: Content::Stream(stream) }
    }

    pub fn nothing(why: &str) -> Answer {
        Answer { status: 404, ..Answer::bytes(why.into()) }
    }

    pub fn refused(why: String) -> Answer {
        Answer { status: 422, ..Answer::bytes(why.into_bytes()) }
    }

    /// Sends it. Without its end the client sees an answer that was cut, as it should when a stream failed.
    pub fn send(self, outparam: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields::new());
        _ = response.set_status_code(self.status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(outparam, Ok(response));
        let Ok(stream) = body.write() else { return };
        let sent = match self.content {
            Content::Bytes(bytes) => bytes.chunks(4096).try_for_each(|piece| stream.blocking_write_and_flush(piece)),
            Content::Stream(content) => forward(&content, &stream),
        };
        drop(stream);
        match sent {
            Ok(()) => _ = OutgoingBody::finish(body, None),
            Err(error) => eprintln!("the answer cannot go on: {error:?}"),
        }
    }
}

/// Moves all that comes out of one stream into another.
pub fn forward(from: &InputStream, to: &OutputStream) -> Result<(), StreamError> {
    loop {
        match to.blocking_splice(from, PIECE) {
            Ok(_) => {}
            Err(StreamError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Why a stream does not go on.
pub fn told(error: StreamError) -> String {
    match error {
        StreamError::LastOperationFailed(error) => error.to_debug_string(),
        StreamError::Closed => "closed".into(),
    }
}

/// The body of a request as a stream. The request keeps what it belongs to.
pub fn body(request: &IncomingRequest, take: impl FnOnce(&InputStream)) {
    let body = request.consume().expect("the body is taken once");
    take(&body.stream().expect("its stream is taken once"));
}

/// The body of a request as text.
pub fn content(request: &IncomingRequest) -> String {
    let mut content = Vec::new();
    body(request, |stream| {
        while let Ok(piece) = stream.blocking_read(PIECE) {
            content.extend(piece);
        }
    });
    String::from_utf8_lossy(&content).into_owned()
}
