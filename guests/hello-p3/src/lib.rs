//! Answers every request with one line: the smallest WASI 0.3 guest.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Hello;

wasip3::http::service::export!(Hello);

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(_request: Request) -> Result<Response, ErrorCode> {
        let headers = Fields::new();
        _ = headers.append("content-type", b"text/plain");
        let (mut body, body_reader) = wit_stream::new();
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
        drop(trailers); // which writes the default from above: no trailers
        wit_bindgen::spawn_local(async move {
            body.write_all(b"Hello from Wattle\n".to_vec()).await;
        });
        Ok(response)
    }
}
