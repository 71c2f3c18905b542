//! The guest `tailor` in WASI 0.3, as far as it differs.
//!
//! | request | answer |
//! |---|---|
//! | `POST /dye` | the body, in capitals of the weaver |
//! | `GET /weave/ONE/OTHER` | how long a piece is that was made of two such lengths |
//! | `GET /twice/LENGTH` | what a plain function answers |
//! | `GET /motto` | what the weaver's file holds, asked by eight at a time, and what its own does |

mod bindings;

use bindings::wattle::cloth::loom::{self, Bolt};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{StreamReader, spawn_local};
use wasip3::{wit_future, wit_stream};

struct Tailor;

wasip3::http::service::export!(Tailor);

impl wasip3::exports::http::handler::Guest for Tailor {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let number = |text: &str| text.parse().unwrap_or_default();
        let answer = match segments.as_slice() {
            ["dye"] => {
                let (_sent, received) = wit_future::new(|| Ok(()));
                let (body, _trailers) = Request::consume_body(request, received);
                return Ok(response(loom::dye(body).await));
            }
            ["weave", one, other] => {
                let bolt = Bolt::new("any");
                bolt.weave(number(one)).await;
                bolt.weave(number(other)).await.to_string()
            }
            ["twice", length] => loom::twice(number(length)).to_string(),
            ["motto"] => mottos().await,
            _ => "no such path".to_owned(),
        };
        Ok(text(answer))
    }
}

async fn mottos() -> String {
    let asked = futures_of((0..8).map(|_| loom::motto())).await;
    let own = std::fs::read_to_string("/own/motto").unwrap_or_else(|error| error.kind().to_string());
    format!("{}, {own}", asked.join(" "))
}

/// What all of these give, which run at the same time.
async fn futures_of<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = all.map(Box::pin).collect();
    let mut ended = Vec::new();
    std::future::poll_fn(|cx| {
        running.retain_mut(|one| match one.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => {
                ended.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    ended
}

fn text(content: String) -> Response {
    let (mut writer, reader) = wit_stream::new();
    spawn_local(async move {
        writer.write_all(content.into_bytes()).await;
    });
    response(reader)
}

fn response(content: StreamReader<u8>) -> Response {
    let (_trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(content), trailers_reader);
    response
}
