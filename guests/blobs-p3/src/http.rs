//! What this guest answers.

use wasip3::http::types::{Fields, Request, Response};
use wasip3::{wit_bindgen::StreamReader, wit_bindgen::spawn_local, wit_future, wit_stream};

/// The body of an answer, with its status.
pub struct Answer {
    status: u16,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    Stream(StreamReader<u8>),
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

    /// The stream is handed on and never read here.
    pub fn stream(stream: StreamReader<u8>) -> Answer {
        Answer { status: 200, content: Content::Stream(stream) }
    }

    pub fn nothing(why: &str) -> Answer {
        Answer { status: 404, ..Answer::bytes(why.into()) }
    }

    pub fn refused(why: String) -> Answer {
        Answer { status: 422, ..Answer::bytes(why.into_bytes()) }
    }

    pub fn into_response(self) -> Response {
        let content = match self.content {
            Content::Stream(stream) => stream,
            Content::Bytes(bytes) => {
                let (mut writer, reader) = wit_stream::new();
                spawn_local(async move {
                    writer.write_all(bytes).await;
                });
                reader
            }
        };
        let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(content), trailers_reader);
        _ = response.set_status_code(self.status);
        response
    }
}

/// The body of a request.
pub fn body(request: Request) -> StreamReader<u8> {
    // The future tells the client's side how its body was taken; dropped, it says that all is well.
    let (_taken, taken_reader) = wit_future::new(|| Ok(()));
    Request::consume_body(request, taken_reader).0
}

/// The body of a request as text.
pub async fn content(request: Request) -> String {
    String::from_utf8_lossy(&body(request).collect().await).into_owned()
}
