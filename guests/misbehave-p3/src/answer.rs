//! Answers in plain text.

use wasip3::http::types::{Fields, Response};
use wasip3::wit_bindgen::StreamWriter;
use wasip3::{wit_bindgen, wit_future, wit_stream};

/// An answer, and the end of its body where content goes in.
pub fn begin() -> (Response, StreamWriter<u8>) {
    let headers = Fields::new();
    headers.append("content-type", b"text/plain").expect("this header is valid");
    let (body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
    (response, body)
}

/// An answer with a text.
pub fn text(text: &str) -> Response {
    let (response, mut body) = begin();
    let text = text.as_bytes().to_vec();
    wit_bindgen::spawn_local(async move {
        body.write_all(text).await;
    });
    response
}
