//! The example `examples/pool`, its face: `GET /TEXT` is answered with what the upstream says to that text.

wasip3::wit_bindgen::generate!({
    inline: "
        package example:pool-front;
        world imports { import pool:upstream/lines@1.0.0; }
    ",
    path: ["../wit/pool"],
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});

use pool::upstream::lines;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Front;

wasip3::http::service::export!(Front);

impl wasip3::exports::http::handler::Guest for Front {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let (status, content) = match lines::ask(path.trim_start_matches('/').to_owned()).await {
            Ok(answer) => (200, answer),
            Err(reason) => (502, reason),
        };
        Ok(text(status, content + "\n"))
    }
}

fn text(status: u16, content: String) -> Response {
    let headers = Fields::new();
    _ = headers.append("content-type", b"text/plain; charset=utf-8");
    let (mut body, body_reader) = wit_stream::new();
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(body_reader), trailers_reader);
    _ = response.set_status_code(status);
    wit_bindgen::spawn_local(async move {
        body.write_all(content.into_bytes()).await;
    });
    response
}
