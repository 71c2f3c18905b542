//! The guest `echo` in WASI 0.3: the body of the request becomes the body of the answer, trailers included; a request
//! of another method than POST, PUT and PATCH is answered with what it looks like from inside.
//!
//! The stream is handed from the request to the answer and never read here.

mod description;

use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

/// Request headers that the answer repeats; HTTP/1.1 sends only trailers that `trailer` announces.
const REPEATED: [&str; 2] = ["content-type", "trailer"];

struct Echo;

wasip3::http::service::export!(Echo);

impl wasip3::exports::http::handler::Guest for Echo {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match request.get_method() {
            Method::Post | Method::Put | Method::Patch => Ok(echo(request)),
            _ => Ok(answer("application/json", description::of(&request))),
        }
    }
}

fn echo(request: Request) -> Response {
    let (asked, headers) = (request.get_headers(), Fields::new());
    for name in REPEATED {
        _ = headers.set(name, &asked.get(name));
    }
    // The future tells the client's side how its body was taken; dropped, it says that all is well.
    let (_taken, taken_reader) = wit_future::new(|| Ok(()));
    let (content, trailers) = Request::consume_body(request, taken_reader);
    let (response, _sent) = Response::new(headers, Some(content), trailers);
    response
}

fn answer(content_type: &str, content: String) -> Response {
    let headers = Fields::new();
    _ = headers.append("content-type", content_type.as_bytes());
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
    wit_bindgen::spawn_local(async move {
        body.write_all(content.into_bytes()).await;
    });
    response
}
