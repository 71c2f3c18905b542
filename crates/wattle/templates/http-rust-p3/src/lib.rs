//! Answers HTTP requests, in WASI 0.3.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct App;

wasip3::http::service::export!(App);

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let text = greeting(&request.get_path_with_query().unwrap_or_default());
        let headers = Fields::new();
        _ = headers.append("content-type", b"text/plain; charset=utf-8");
        let (mut body, body_reader) = wit_stream::new();
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
        drop(trailers); // which writes the default from above: no trailers
        wit_bindgen::spawn_local(async move {
            body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}

fn greeting(path: &str) -> String {
    format!("Hello from {path}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_names_the_path() {
        assert_eq!(greeting("/there"), "Hello from /there\n");
    }
}
